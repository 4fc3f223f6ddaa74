"""JSON messages between dladvise and the processes it measures in.

They travel on a connection of their own, so that nothing the user's code prints,
reads or redirects can come between them.
"""

from __future__ import annotations

import json
import os
import threading
from multiprocessing.connection import Client, Connection
from typing import Any

ADDRESS = "DLADVISE_PROBE_ADDRESS"
TOKEN = "DLADVISE_PROBE_TOKEN"

Message = dict[str, Any]


class Closed(Exception):
    """The other end is gone."""


class Channel:
    """One end of a conversation; any thread may send, one receives."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._sending = threading.Lock()

    def send(self, event: str, **fields: Any) -> None:
        """Send one message; Closed where nobody is there any more."""
        message = json.dumps({"event": event, **fields}).encode()
        try:
            with self._sending:
                self.connection.send_bytes(message)
        except (OSError, ValueError) as error:
            raise Closed(str(error)) from None

    def receive(self) -> Message:
        """Wait for the next message; Closed where there will be none."""
        try:
            message = json.loads(self.connection.recv_bytes())
        except (OSError, EOFError, ValueError) as error:
            raise Closed(str(error)) from None
        if not isinstance(message, dict):
            raise Closed("not a message")
        return message

    def close(self) -> None:
        self.connection.close()


class Line:
    """Where dladvise listens: read from the environment once, then taken out of it."""

    def __init__(self) -> None:
        self._address = os.environ.pop(ADDRESS)
        self._token = os.environ.pop(TOKEN)

    def call(self, role: str, **fields: Any) -> Channel:
        """Open a channel of one's own and say who one is."""
        channel = Channel(Client(self._address))
        channel.send(
            "hello",
            token=self._token,
            role=role,
            pid=os.getpid(),
            **fields,
        )
        return channel
