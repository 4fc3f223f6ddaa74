"""Speaks the Language Server Protocol: advice while typing, measurement by one click.

A thin skin: the advisor finds, the probe measures, and this tells the editor.
"""


def serve() -> int:
    """Serve the client on stdin and stdout until it leaves; the exit status is returned."""
    from . import lsprotocol_import  # noqa: F401  # before anybody else imports the types
    from .features import made  # pygls takes some time: for those who serve
    from .transport import run

    return run(made())
