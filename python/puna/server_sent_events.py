"""Server-sent events on their way through: whole ones only, and an orderly end for a broken stream."""

import json
from typing import Any

# An event longer than this goes on in pieces; no server of ours writes one.
EVENT_BYTES_MAX = 1 << 20
DONE = b"data: [DONE]\n\n"


def error_body(message: str, code: str) -> dict[str, Any]:
    """The error shape of the whole API (docs/API.md)."""
    return {"error": {"message": message, "type": "server_error", "param": None, "code": code}}


class WholeEvents:
    """Passes on complete events and holds the rest back, so that an end can be put after them."""

    def __init__(self) -> None:
        self._rest = b""
        self.done = False

    def feed(self, piece: bytes) -> bytes:
        joined = self._rest + piece
        end = joined.rfind(b"\n\n") + 2
        if end == 1:
            end = len(joined) if len(joined) > EVENT_BYTES_MAX else 0
        self._rest = joined[end:]
        self.done = self.done or DONE in joined[:end]
        return joined[:end]

    def finish(self) -> bytes:
        """What is left of a stream that ended by itself."""
        rest, self._rest = self._rest, b""
        return rest

    def broken(self, message: str) -> bytes:
        """The end of a stream whose server is gone."""
        if self.done:
            return b""
        return b"data: " + json.dumps(error_body(message, "replica_lost")).encode() + b"\n\n" + DONE
