"""Deadlines, and what a stream says while it waits, as clients see them."""

import concurrent.futures

import httpx
import pytest

from conftest import make_client
from puna_server import ENDLESS_STEP_MICROSECONDS, ENDLESS_TOKENS, PATIENCE, PunaServer

MESSAGES = [{"role": "user", "content": "hi"}]
ENDLESS = {"messages": MESSAGES, "ignore_eos": True, "max_tokens": ENDLESS_TOKENS, "stream": True}


@pytest.fixture(scope="module")
def one_at_a_time():
    running = PunaServer("--max-num-seqs", "1", step_microseconds=ENDLESS_STEP_MICROSECONDS)
    yield running
    assert running.close() == 0, running.errors


def open_stream(server: PunaServer, body: dict):
    return httpx.stream("POST", server.url + "/v1/chat/completions", json=body, timeout=60 * PATIENCE,
                        trust_env=False)


def test_a_stream_that_waits_says_its_place_and_the_clients_of_openai_do_not_mind(one_at_a_time):
    with make_client(one_at_a_time) as client, concurrent.futures.ThreadPoolExecutor() as threads:
        with open_stream(one_at_a_time, ENDLESS) as running:
            running_lines = running.iter_lines()  # an iterator that goes closes its connection
            assert next(running_lines).startswith("data: ")
            with open_stream(one_at_a_time, ENDLESS) as waiting:
                assert waiting.headers["content-type"].startswith("text/event-stream")
                waiting_lines = waiting.iter_lines()
                assert next(waiting_lines).startswith(": queue position 1")
                stream = threads.submit(client.chat.completions.create, model="fake", messages=MESSAGES,
                                        max_tokens=2, stream=True, extra_body={"ignore_eos": True})
                chunks = stream.result()  # its header is there, though it waits
        texts = [chunk.choices[0] for chunk in chunks]
        assert texts[0].delta.role == "assistant" and texts[-1].finish_reason == "length"


@pytest.mark.parametrize("given", [{"headers": {"X-Request-Timeout": "0.5"}}, {"body": {"timeout": 0.5}}])
def test_an_answer_ends_with_what_it_has(one_at_a_time, given):
    body = ENDLESS | {"stream": False} | given.get("body", {})
    reply = one_at_a_time.post("/v1/chat/completions", body, headers=given.get("headers", {}))
    if reply.status_code == 504:  # a machine that gave it no time at all
        assert reply.json()["error"]["code"] == "deadline_exceeded"
        return
    choice = reply.json()["choices"][0]
    assert reply.status_code == 200 and choice["finish_reason"] == "length"
    assert choice["stop_reason"] == reply.headers["x-puna-stop-reason"] == "deadline"
    assert 0 < reply.json()["usage"]["completion_tokens"] < ENDLESS_TOKENS
    assert one_at_a_time.metric("vllm:num_requests_running") == 0


def test_a_timeout_that_is_none_is_refused(server):
    reply = server.post("/v1/chat/completions", {"messages": MESSAGES}, headers={"X-Request-Timeout": "soon"})
    assert reply.status_code == 400 and "X-Request-Timeout" in reply.json()["error"]["message"]
    reply = server.post("/v1/completions", {"prompt": "a", "timeout": 0})
    assert reply.status_code == 400 and reply.json()["error"]["param"] == "timeout"
