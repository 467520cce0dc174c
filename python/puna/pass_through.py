"""One HTTP request to the child server and its answer back, unchanged, streaming both ways.

Dropped are only the headers of one hop (RFC 9110) and `date`, `server` and `x-request-id`, which Ray's
proxy writes itself. Added is `puna-replica`, which says who answered. When the child dies before it has answered,
the reply is 503 with `puna-lost`, which the proxy takes as a sign to ask another replica; when it
dies in the middle of a stream of events, the stream ends with an error event.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

import aiohttp
import yarl

from puna.server_sent_events import WholeEvents, error_body

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

ONE_HOP = {b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization",
           b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade"}
WRITTEN_BY_PROXY = {b"date", b"server", b"x-request-id"}
REPLICA_HEADER = b"puna-replica"
LOST_HEADER = b"puna-lost"
LOST_MESSAGE = "the replica that was answering has ended; ask again"

log = logging.getLogger("ray.serve")


def request_headers(headers: Headers) -> list[tuple[str, str]]:
    named = {name.strip().lower() for key, value in headers if key == b"connection"
             for name in value.split(b",")}
    kept = [(key, value) for key, value in headers if key not in ONE_HOP and key not in named]
    # The proxy itself has answered "100 Continue" when it reads the body.
    return [(key.decode("latin-1"), value.decode("latin-1")) for key, value in kept
            if not (key == b"expect" and value.lower() == b"100-continue")]


def target_url(scope: Scope, port: int) -> yarl.URL:
    """Path and query as the client wrote them, without the route prefix of the application."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    prefix = str(scope.get("root_path", "")).encode()
    if prefix and raw.startswith(prefix):
        raw = raw[len(prefix):]
    query: bytes = scope.get("query_string", b"")
    target = raw.decode("latin-1") or "/"
    if query:
        target += "?" + query.decode("latin-1")
    return yarl.URL(f"http://127.0.0.1:{port}{target}", encoded=True)


async def request_body(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise asyncio.CancelledError
        if message.get("body"):
            yield message["body"]
        if not message.get("more_body"):
            return


class PassThrough:
    def __init__(self, session: aiohttp.ClientSession, port: int, replica: str) -> None:
        self._session = session
        self._port = port
        self._replica = replica.encode("latin-1", "replace")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await answer_lifespan(receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1003})
        else:
            await self._http(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        names = {name for name, _ in scope["headers"]}
        has_body = b"content-length" in names or b"transfer-encoding" in names
        answer = Answer(send, self._replica)
        try:
            async with self._session.request(
                    scope["method"], target_url(scope, self._port),
                    headers=request_headers(scope["headers"]),
                    data=request_body(receive) if has_body else None,
                    allow_redirects=False) as reply:
                await answer.start(reply)
                async for piece in reply.content.iter_any():
                    await answer.body(piece)
            await answer.finish()
        except (aiohttp.ClientError, OSError) as failure:
            log.warning("puna serve was lost during %s %s: %r", scope["method"], scope["path"], failure)
            await answer.lost()


class Answer:
    """What has been sent to the client, so that a loss in the middle ends in the right way."""

    def __init__(self, send: Send, replica: bytes) -> None:
        self._send = send
        self._replica = replica
        self._started = False
        self._events: WholeEvents | None = None

    async def start(self, reply: aiohttp.ClientResponse) -> None:
        headers = [(name.lower(), value) for name, value in reply.raw_headers]
        headers = [(name, value) for name, value in headers
                   if name not in ONE_HOP and name not in WRITTEN_BY_PROXY]
        if reply.content_type == "text/event-stream":
            self._events = WholeEvents()
        await self._send({"type": "http.response.start", "status": reply.status,
                          "headers": [*headers, (REPLICA_HEADER, self._replica)]})
        self._started = True

    async def body(self, piece: bytes) -> None:
        whole = self._events.feed(piece) if self._events else piece
        if whole:
            await self._send({"type": "http.response.body", "body": whole, "more_body": True})

    async def finish(self) -> None:
        rest = self._events.finish() if self._events else b""
        await self._send({"type": "http.response.body", "body": rest})

    async def lost(self) -> None:
        if not self._started:
            await self._send({"type": "http.response.start", "status": 503, "headers": [
                (b"content-type", b"application/json"), (b"retry-after", b"1"),
                (REPLICA_HEADER, self._replica), (LOST_HEADER, b"1")]})
            body = json.dumps(error_body(LOST_MESSAGE, "unavailable")).encode()
            await self._send({"type": "http.response.body", "body": body})
        elif self._events is not None:
            await self._send({"type": "http.response.body",
                              "body": self._events.broken(LOST_MESSAGE)})
        else:
            # Cut short on purpose: the client must see that the body is not whole.
            raise ConnectionResetError(LOST_MESSAGE)


async def answer_lifespan(receive: Receive, send: Send) -> None:
    while True:
        kind = (await receive())["type"]
        await send({"type": kind + ".complete"})
        if kind == "lifespan.shutdown":
            return
