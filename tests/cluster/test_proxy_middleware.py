"""The middleware of Ray's proxy, on a made-up Ray that loses replicas in every way."""

import asyncio
import json
from typing import Any

import pytest

from puna import proxy_middleware
from puna.proxy_middleware import ATTEMPTS_MAX, REPLAY_BYTES_MAX, PunaProxyMiddleware
from puna.server_sent_events import EVENT_BYTES_MAX, WholeEvents

OURS = [(b"puna-replica", b"r1"), (b"content-type", b"application/json")]
EVENTS = [(b"puna-replica", b"r1"), (b"content-type", b"text/event-stream; charset=utf-8")]


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxy_middleware, "FIRST_WAIT_S", 0.0)


def start(status: int = 200, headers: Any = OURS) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": headers}


def piece(body: bytes, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": body, "more_body": more}


class FakeRay:
    """Answers the n-th attempt with the n-th list of messages; records what it was asked."""

    def __init__(self, *attempts: list[dict[str, Any]]) -> None:
        self.attempts = list(attempts)
        self.bodies: list[bytes] = []
        self.headers: list[Any] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                break
            body += message["body"]
            more = message.get("more_body", False)
        self.bodies.append(body)
        self.headers.append(list(scope["headers"]))
        scope["headers"].append((b"added-by", b"ray"))
        for message in self.attempts[min(len(self.bodies), len(self.attempts)) - 1]:
            await send(message)


def ask(ray: FakeRay, *body: bytes, path: str = "/infer", headers: Any = (),
        leaves: bool = False) -> list[dict[str, Any]]:
    pieces = list(body) or [b"hello"]
    messages = [{"type": "http.request", "body": one, "more_body": index + 1 < len(pieces)}
                for index, one in enumerate(pieces)]
    if leaves:
        messages[-1] = {"type": "http.disconnect"}
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": path, "headers": list(headers)}
    asyncio.run(PunaProxyMiddleware(ray)(scope, receive, send))
    return sent


def body_of(sent: list[dict[str, Any]]) -> bytes:
    return b"".join(message["body"] for message in sent[1:])


def test_an_answer_goes_through_unchanged():
    messages = [start(), piece(b"one", more=True), piece(b"two")]
    assert ask(FakeRay(messages)) == messages


@pytest.mark.parametrize("lost", [
    [],  # the replica's process was killed: Ray says nothing
    [start(500, [])],  # or nothing useful
    [start(503, [*OURS, (b"puna-lost", b"1")]), piece(b"{}")],  # its server was killed
])
def test_a_request_that_had_not_started_is_asked_again_with_the_same_body(lost):
    ray = FakeRay(lost, lost, [start(), piece(b"answer")])
    assert body_of(ask(ray, b"first ", b"second")) == b"answer"
    assert ray.bodies == [b"first second"] * 3
    assert ray.headers == [[]] * 3


def test_after_the_last_attempt_the_client_is_told_to_come_back():
    ray = FakeRay([])
    sent = ask(ray)
    assert len(ray.bodies) == ATTEMPTS_MAX
    assert sent[0]["status"] == 503 and dict(sent[0]["headers"])[b"retry-after"] == b"1"
    assert json.loads(body_of(sent))["error"]["code"] == "unavailable"


def test_a_started_answer_is_never_asked_again():
    ray = FakeRay([start(), piece(b"half", more=True)])
    assert ask(ray) == [start(), piece(b"half", more=True)]
    assert len(ray.bodies) == 1


def test_a_broken_stream_ends_with_an_error_event_after_its_last_whole_event():
    sent = ask(FakeRay([start(headers=EVENTS), piece(b"data: 1\n\ndata: 2", more=True)]))
    events = body_of(sent).decode().split("\n\n")
    assert events[0] == "data: 1"
    assert json.loads(events[1].removeprefix("data: "))["error"]["code"] == "replica_lost"
    assert events[2] == "data: [DONE]"
    assert not sent[-1].get("more_body")


def test_a_stream_that_was_complete_but_for_its_end_gets_no_error():
    sent = ask(FakeRay([start(headers=EVENTS), piece(b"data: 1\n\ndata: [DONE]\n\n", more=True)]))
    assert body_of(sent) == b"data: 1\n\ndata: [DONE]\n\n"


@pytest.mark.parametrize("status", [503, 429])
def test_a_refusal_by_ray_has_the_shape_of_the_api(status):
    sent = ask(FakeRay([start(status, [(b"content-type", b"text/plain")]), piece(b"too many")]))
    assert sent[0]["status"] == status and dict(sent[0]["headers"])[b"retry-after"] == b"1"
    error = json.loads(body_of(sent))["error"]
    assert (error["message"], error["code"]) == ("too many", "overloaded")


def test_a_refusal_by_the_engine_goes_through():
    messages = [start(503, [*OURS, (b"retry-after", b"9")]), piece(b"full")]
    ray = FakeRay(messages)
    assert ask(ray) == messages and len(ray.bodies) == 1


def test_a_body_too_long_to_keep_is_not_asked_again():
    ray = FakeRay([])
    sent = ask(ray, b"x" * REPLAY_BYTES_MAX, b"x")
    assert len(ray.bodies) == 1 and sent[0]["status"] == 503


def test_nobody_is_asked_again_for_a_client_that_left():
    ray = FakeRay([])
    ask(ray, b"x", leaves=True)
    assert len(ray.bodies) == 1


def test_clients_do_not_steer_ray():
    ray = FakeRay([start(), piece(b"")])
    ask(ray, headers=[(b"x-request-timeout-seconds", b"1"), (b"x-request-disconnect-disabled", b"?1"),
                      (b"accept", b"*/*")])
    assert ray.headers == [[(b"accept", b"*/*")]]


def test_rays_own_paths_are_left_alone():
    messages = [start(503, []), piece(b"draining")]
    ray = FakeRay(messages)
    assert ask(ray, path="/-/healthz") == messages


def test_events_pass_whole_however_they_are_cut():
    text = b"".join(b"data: %d\n\n" % number for number in range(50))
    for size in (1, 2, 3, 7, 64):
        events, out = WholeEvents(), b""
        for begin in range(0, len(text), size):
            out += events.feed(text[begin:begin + size])
            assert out == b"" or out.endswith(b"\n\n")
        assert out + events.finish() == text
    endless = WholeEvents()
    assert len(endless.feed(b"x" * (EVENT_BYTES_MAX + 1))) == EVENT_BYTES_MAX + 1
