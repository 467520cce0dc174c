"""What Ray's HTTP proxy lacks, as ASGI middleware inside it.

- A request whose replica died before a byte of the answer was sent is asked again of another one:
  requests to Puna only compute, so asking twice is safe.
- A stream of events whose replica died ends with an error event instead of a cut connection.
- Refusals by Ray itself have the error shape and the Retry-After of the rest of the API.
- Clients cannot change Ray's timeout, nor switch off that a client that leaves ends its answer.

Ray loads it by `RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH=puna.proxy_middleware:middlewares` in the
environment of `ray start`. Ray's HAProxy mode has no place for it and retries by settings of its own.
"""

import asyncio
import json
import logging
from typing import Any

from puna.pass_through import LOST_HEADER, LOST_MESSAGE, REPLICA_HEADER, Message, Receive, Scope, Send
from puna.server_sent_events import WholeEvents, error_body

# Waits 0.05 s, 0.1 s, …: 3 s in all, as long as Ray takes to know a dead replica.
ATTEMPTS_MAX = 7
FIRST_WAIT_S = 0.05
# A longer body is not kept, and its request not asked again.
REPLAY_BYTES_MAX = 1 << 20
CONTROL_HEADERS = {b"x-request-timeout-seconds", b"x-request-disconnect-disabled"}
WORDS_MAX = 500
CODES = {408: "timeout", 429: "overloaded", 503: "overloaded"}

log = logging.getLogger("ray.serve")


class ReplayedBody:
    """The client's messages, kept while the request can still be asked again."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._kept: list[Message] = []
        self._next = 0
        self._bytes = 0
        self.can_replay = True

    def rewind(self) -> None:
        self._next = 0

    async def receive(self) -> Message:
        if self._next < len(self._kept):
            self._next += 1
            return self._kept[self._next - 1]
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self.can_replay = False
        if self.can_replay:
            self._bytes += len(message.get("body", b""))
            self.can_replay = self._bytes <= REPLAY_BYTES_MAX
            self._kept.append(message)
            self._next += 1
        if not self.can_replay:
            # Nothing is read twice any more.
            self._kept, self._next = [], 0
        return message

    def release(self) -> None:
        """An answer has begun: nothing will be asked again."""
        self.can_replay = False


class Attempt:
    """One way through Ray, with its answer held back until it is clear whose it is."""

    def __init__(self, send: Send, body: ReplayedBody) -> None:
        self._send = send
        self._body = body
        self._events: WholeEvents | None = None
        self._refusal: Message | None = None
        self._words = b""
        self.lost = True  # until an answer has begun
        self.finished = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            await self._start(message)
        elif message["type"] == "http.response.body":
            await self._pass_body(message)
        else:
            await self._send(message)

    async def _start(self, message: Message) -> None:
        headers = dict(message.get("headers", []))
        is_ours = REPLICA_HEADER in headers
        if LOST_HEADER in headers or (not is_ours and message["status"] >= 400):
            self._refusal = message
            self.lost = LOST_HEADER in headers or message["status"] == 500
            return
        self.lost = False
        self._body.release()
        if headers.get(b"content-type", b"").startswith(b"text/event-stream"):
            self._events = WholeEvents()
        await self._send(message)

    async def _pass_body(self, message: Message) -> None:
        if self._refusal is not None:
            self._words += message.get("body", b"")
            return
        self.finished = not message.get("more_body", False)
        if self._events is not None:
            whole = self._events.feed(message.get("body", b""))
            message = {**message, "body": whole + (self._events.finish() if self.finished else b"")}
        await self._send(message)

    async def end(self) -> None:
        """What a client must still be told when no more comes."""
        if self._refusal is not None or self.lost:
            await self._refuse()
        elif not self.finished and self._events is not None:
            await self._send({"type": "http.response.body", "body": self._events.broken(LOST_MESSAGE)})

    async def _refuse(self) -> None:
        status, words, kept = 503, LOST_MESSAGE, []
        if self._refusal is not None and not self.lost:
            status = self._refusal["status"]
            words = self._words.decode("utf-8", "replace").strip()[:WORDS_MAX]
            kept = [pair for pair in self._refusal.get("headers", [])
                    if pair[0] in (b"x-request-id", b"retry-after")]
        headers = [*kept, (b"content-type", b"application/json")]
        if status in (429, 503) and b"retry-after" not in dict(kept):
            headers.append((b"retry-after", b"1"))
        code = "unavailable" if self.lost else CODES.get(status, "not_found")
        content = json.dumps(error_body(words, code)).encode()
        await self._send({"type": "http.response.start", "status": status, "headers": [
            *headers, (b"content-length", str(len(content)).encode())]})
        await self._send({"type": "http.response.body", "body": content})


class PunaProxyMiddleware:
    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/-/"):
            await self._app(scope, receive, send)
            return
        headers = [pair for pair in scope["headers"] if pair[0] not in CONTROL_HEADERS]
        body = ReplayedBody(receive)
        wait = FIRST_WAIT_S
        for number in range(1, ATTEMPTS_MAX + 1):
            attempt = Attempt(send, body)
            # Ray changes the scope, so that each attempt has its own.
            await self._app({**scope, "headers": list(headers)}, body.receive, attempt.send)
            if not attempt.lost or not body.can_replay or number == ATTEMPTS_MAX:
                await attempt.end()
                return
            log.warning("%s %s is asked again: its replica was lost", scope["method"], scope["path"])
            body.rewind()
            await asyncio.sleep(wait)
            wait *= 2


def middlewares() -> list[Any]:
    """What Ray calls in each of its proxies."""
    from starlette.middleware import Middleware

    return [Middleware(PunaProxyMiddleware)]
