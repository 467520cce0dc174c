"""Clients that leave, many at once, and slow ones: what runs is freed, others are not disturbed."""

import asyncio
import json
import socket
import struct

import httpx
import openai
import pytest

from conftest import make_client
from puna_server import ENDLESS_STEP_MICROSECONDS, ENDLESS_TOKENS, PATIENCE, SOON, wait_until


def running(server) -> float:
    return server.metric("vllm:num_requests_running")


def is_idle(server) -> bool:
    return (running(server) == 0 and server.metric("vllm:num_requests_waiting") == 0 and
            server.metric("puna_kv_blocks_used") == 0)


def read_first_event(connection) -> None:
    seen = b""
    while b"data: " not in seen:
        piece = connection.recv(4096)
        assert piece, seen
        seen += piece


@pytest.fixture
def slow(start_server):
    return start_server(step_microseconds=ENDLESS_STEP_MICROSECONDS)


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_while_it_waits_frees_its_blocks(slow, stream):
    connection = slow.send_chat(max_tokens=ENDLESS_TOKENS, stream=stream)
    wait_until(lambda: running(slow) == 1, SOON, "the request runs")
    connection.close()
    wait_until(lambda: is_idle(slow), SOON, "its blocks are free")
    wait_until(lambda: slow.metric("vllm:request_success_total", finished_reason="abort") == 1, SOON,
               "it counts as aborted")


def test_a_client_that_leaves_in_the_middle_of_a_stream_frees_its_blocks(slow):
    connection = slow.send_chat(max_tokens=ENDLESS_TOKENS, stream=True)
    read_first_event(connection)
    connection.close()
    wait_until(lambda: is_idle(slow), SOON, "its blocks are free")


def test_a_connection_that_is_reset_frees_its_blocks(slow):
    connection = slow.send_chat(max_tokens=ENDLESS_TOKENS, stream=True)
    read_first_event(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
    wait_until(lambda: is_idle(slow), SOON, "its blocks are free")


def test_a_client_that_leaves_the_queue_never_runs(start_server):
    server = start_server("--max-num-seqs", "1", step_microseconds=ENDLESS_STEP_MICROSECONDS)
    first = server.send_chat(max_tokens=ENDLESS_TOKENS, stream=True)
    read_first_event(first)
    second = server.send_chat(max_tokens=ENDLESS_TOKENS)
    wait_until(lambda: server.metric("vllm:num_requests_waiting") == 1, SOON, "the second waits")
    second.close()
    wait_until(lambda: server.metric("vllm:num_requests_waiting") == 0, SOON, "it is gone")
    assert running(server) == 1
    first.close()
    wait_until(lambda: is_idle(server), SOON, "all is free")


def test_all_choices_of_a_client_that_leaves_are_freed(slow):
    connection = slow.send_chat(max_tokens=ENDLESS_TOKENS, n=8, stream=True)
    wait_until(lambda: running(slow) == 8, SOON, "all eight run")
    read_first_event(connection)
    connection.close()
    wait_until(lambda: is_idle(slow), SOON, "all eight are free")


def test_an_aborted_stream_of_the_client_frees_its_blocks(slow):
    with make_client(slow) as client:
        stream = client.chat.completions.create(
            model="fake", messages=[{"role": "user", "content": "hi"}], max_tokens=ENDLESS_TOKENS,
            stream=True, extra_body={"ignore_eos": True})
        next(iter(stream))
        wait_until(lambda: running(slow) == 1, SOON, "it runs")
        stream.close()
        wait_until(lambda: is_idle(slow), SOON, "its blocks are free")


def test_a_time_out_of_the_client_frees_its_blocks(slow):
    with make_client(slow) as client, pytest.raises(openai.APITimeoutError):
        client.with_options(timeout=httpx.Timeout(SOON, read=0.3)).chat.completions.create(
            model="fake", messages=[{"role": "user", "content": "hi"}], max_tokens=ENDLESS_TOKENS,
            extra_body={"ignore_eos": True})
    wait_until(lambda: is_idle(slow), SOON, "its blocks are free")


def test_one_client_leaving_changes_no_other_answer(start_server):
    slow = start_server(step_microseconds=2000)
    with make_client(slow) as client:
        asked = {"model": "fake", "messages": [{"role": "user", "content": "hi"}], "seed": 11,
                 "max_tokens": 100, "extra_body": {"ignore_eos": True}}
        alone = client.chat.completions.create(**asked).choices[0].message.content
        others = [slow.send_chat(max_tokens=ENDLESS_TOKENS, stream=True) for _ in range(5)]
        stream = client.chat.completions.create(**asked, stream=True)
        text = ""
        for chunk in stream:
            text += chunk.choices[0].delta.content or ""
            if others:
                others.pop().close()
        assert text == alone


def test_a_reader_that_sleeps_gets_all_of_its_answer(start_server):
    server = start_server()
    before = server.metric("vllm:generation_tokens_total")
    connection = server.send_chat(max_tokens=200, stream=True, logprobs=True)
    wait_until(lambda: server.metric("vllm:generation_tokens_total") == before + 200 and is_idle(server), SOON,
               "the answer is made before it is read")
    received = b""
    while b"[DONE]" not in received:
        piece = connection.recv(65536)
        assert piece
        received += piece
    connection.close()
    events = [line[6:] for line in received.decode().splitlines() if line.startswith("data: {")]
    choices = [json.loads(event)["choices"][0] for event in events]
    assert sum(len(choice["logprobs"]["content"]) for choice in choices if choice["logprobs"]) == 200


def test_five_hundred_streams_at_once(start_server):
    server = start_server("--max-num-seqs", "500", "--max-num-batched-tokens", "2048",
                          step_microseconds=2000)
    count, tokens = 500, 40

    async def one(client: openai.AsyncOpenAI, number: int) -> str:
        stream = await client.chat.completions.create(
            model="fake", messages=[{"role": "user", "content": f"I am {number}"}], stream=True,
            max_tokens=tokens, temperature=0, stream_options={"include_usage": True},
            extra_body={"ignore_eos": True})
        text = ""
        async for chunk in stream:
            if chunk.choices:
                text += chunk.choices[0].delta.content or ""
        assert chunk.usage.completion_tokens == tokens
        return text

    async def all_of_them() -> list[str]:
        async with openai.AsyncOpenAI(base_url=server.url + "/v1", api_key="none", max_retries=0,
                                      timeout=120 * PATIENCE) as client:
            return await asyncio.gather(*(one(client, number) for number in range(count)))

    texts = asyncio.run(all_of_them())
    assert len(texts) == count
    with make_client(server) as client:
        for number in (0, 1, 250, 499):
            alone = client.chat.completions.create(
                model="fake", messages=[{"role": "user", "content": f"I am {number}"}],
                max_tokens=tokens, temperature=0, extra_body={"ignore_eos": True})
            assert alone.choices[0].message.content == texts[number]
    wait_until(lambda: is_idle(server), SOON, "all is free")


def test_five_hundred_open_streams_leave_at_once(start_server):
    server = start_server("--max-num-seqs", "500", "--max-num-queued-reqs", "500",
                          step_microseconds=ENDLESS_STEP_MICROSECONDS)
    connections = [server.send_chat(max_tokens=ENDLESS_TOKENS, stream=True) for _ in range(500)]
    for connection in connections:
        read_first_event(connection)
    wait_until(lambda: running(server) == 500, SOON, "all of them run")
    assert server.get("/health").status_code == 200
    for connection in connections:
        connection.close()
    wait_until(lambda: is_idle(server), SOON, "all blocks are free")
