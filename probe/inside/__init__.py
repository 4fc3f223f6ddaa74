"""What runs in the user's interpreter: the standard library and torch alone, Python 3.9 syntax."""
