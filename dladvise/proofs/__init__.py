"""Small programs that show what rules claim: each does it `bad` and does it `good`.

A program is named after its rule. It runs in the user's interpreter, where dladvise need not
be installed, so it has torch and the standard library alone, numpy where `NEEDS` says so, and
the syntax of Python 3.9. It runs in an empty folder of its own, and may write files there.
What it says of itself are constants:

`RAISES`: the errors that `bad` ends in, and `good` does not. Where there is none:
`QUANTITY`, what both functions return; `GOOD`, which way it should go (more, fewer or less),
and `TIMES`, by how much at least; `SHOWN`, what follows, in which `{times}` is by how much.

`TURNS` is how often both are run in turn: what is counted needs one, what takes time several.
`NEEDS` is what not every machine has (see `run.py`), and `PLATFORMS` where it can be shown.
"""
