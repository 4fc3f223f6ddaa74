"""Small programs that show what rules claim: each does it `bad` and does it `good`.

A program is named after its rule. It runs in the user's interpreter, where dladvise need not
be installed, so it has torch and the standard library alone, and the syntax of Python 3.9.
`QUANTITY` says what both functions return, `GOOD` which way it should go, `TIMES` by how much
at least; where the first is None, `bad` raises one of `RAISES` and `good` does not raise.
`TURNS` is how often both are run in turn: what is counted needs one, what takes time several.
"""
