"""What one request may take of the server's memory, read from /proc."""

import json
import time

import httpx
import pytest

from puna_server import PATIENCE, PunaServer, wait_until

MEBIBYTE = 1 << 20
plain_build_only = pytest.mark.skipif(PATIENCE > 1, reason="a sanitizer's own memory is in every figure")
LOGPROBS_MAX = 1 << 19  # kAnswerLogprobsMax of src/api/answer.h


def scored(prompts: int, tokens: int, logprobs: int = 20) -> dict:
    return {"prompt": [[65 + i % 26 for i in range(tokens)]] * prompts, "echo": True,
            "logprobs": logprobs, "max_tokens": 1, "ignore_eos": True}


# As many as are allowed: (tokens of prompt and answer) * (the token and its alternatives).
LARGEST = {
    "/v1/completions": scored(prompts=16, tokens=LOGPROBS_MAX // 21 // 16 - 1),
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "a"}], "n": 128,
                             "logprobs": True, "top_logprobs": 20, "ignore_eos": True,
                             "max_tokens": LOGPROBS_MAX // 21 // 128},
}


@plain_build_only
@pytest.mark.parametrize("path", LARGEST)
def test_the_largest_answer_with_log_probabilities_is_small_in_memory(start_server, path):
    server = start_server("--max-num-seqs", "128")
    server.post(path, {**LARGEST[path], **({"n": 2} if "chat" in path else {"prompt": "a"})})
    before = server.memory()
    # Not by server.post(), which would judge the shape of half a million log probabilities.
    reply = httpx.post(server.url + path, json=LARGEST[path], timeout=60 * PATIENCE, trust_env=False)
    assert reply.status_code == 200
    size = len(reply.content)
    grown = server.memory("VmHWM") - before
    print(f"{path}: {size / MEBIBYTE:.0f} MiB of JSON, {grown / MEBIBYTE:.0f} MiB more at the peak")
    assert size > 10 * MEBIBYTE
    assert grown < 2 * size + 96 * MEBIBYTE


@pytest.mark.parametrize("path, body", [
    ("/v1/completions", scored(prompts=64, tokens=2000)),
    ("/v1/chat/completions", {**LARGEST["/v1/chat/completions"], "max_tokens": 1000}),
    ("/v1/chat/completions", {name: value for name, value in
                              LARGEST["/v1/chat/completions"].items() if name != "max_tokens"})])
def test_a_larger_one_is_refused_with_both_numbers(start_server, path, body):
    server = start_server("--max-num-seqs", "128")
    reply = server.post(path, body)
    assert reply.status_code == 400
    message = reply.json()["error"]["message"]
    assert str(LOGPROBS_MAX) in message and "logprobs" in message and "max_tokens" in message


def test_a_length_that_nobody_gave_is_no_reason_to_refuse(start_server):
    server = start_server("--max-model-len", "131072")
    reply = server.post("/v1/chat/completions", {
        "messages": [{"role": "user", "content": "a"}], "logprobs": True, "top_logprobs": 20})
    assert reply.status_code == 200


@plain_build_only
def test_readers_that_sleep_cost_no_more_than_their_replies(start_server):
    server = start_server("--max-num-seqs", "128")
    body = json.dumps(LARGEST["/v1/completions"]).encode()
    before = server.memory()
    sleepers = [server.connect() for _ in range(4)]
    for one in sleepers:
        one.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n"
                    b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
                    + body)
    wait_until(lambda: server.metric("vllm:num_requests_running") == 0 and
               server.metric("vllm:num_requests_waiting") == 0 and
               server.metric("vllm:generation_tokens_total") >= 16 * len(sleepers), 60,
               "all is computed")
    received = []
    for one in sleepers:
        data = one.recv(65536)
        length = int(data.lower().partition(b"content-length: ")[2].split()[0])
        received.append(length)
    grown = server.memory("VmHWM") - before
    print(f"{len(sleepers)} sleeping readers of {received[0] / MEBIBYTE:.0f} MiB: "
          f"{grown / MEBIBYTE:.0f} MiB")
    assert grown < 2 * sum(received) + 96 * MEBIBYTE
    for one in sleepers:
        one.close()
    begin = time.monotonic()
    assert server.get("/health").status_code == 200 and time.monotonic() - begin < 5
