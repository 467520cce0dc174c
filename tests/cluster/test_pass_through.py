"""What the same request gives with and without Ray: everything, bit for bit."""

import json
import re
import time

import httpx
import pytest

from puna_server import PunaServer
from running_cluster import ENDLESS_TOKENS, SOON, RunningCluster, wait_until

MESSAGES = [{"role": "user", "content": "Wie spät ist es? 😀"}]
CHAT = {"messages": MESSAGES, "seed": 7, "max_tokens": 40, "ignore_eos": True}
ENDLESS = CHAT | {"stream": True, "max_tokens": ENDLESS_TOKENS}


def both(cluster: RunningCluster, direct: PunaServer, method: str, path: str,
         **options: object) -> tuple[httpx.Response, httpx.Response]:
    def ask(url: str) -> httpx.Response:
        return httpx.request(method, url + path, timeout=60, trust_env=False, **options)  # type: ignore[arg-type]
    return ask(cluster.url), ask(direct.url)


def without_identity(body: bytes) -> bytes:
    """Answers carry a random id and the time of day."""
    body = re.sub(rb'"id":"(chatcmpl|cmpl)-[0-9a-f]+"', b'"id":""', body)
    return re.sub(rb'"created":\d+', b'"created":0', body)


@pytest.mark.parametrize(("path", "body"), [
    ("/v1/chat/completions", CHAT),
    ("/v1/chat/completions", CHAT | {"logprobs": True, "top_logprobs": 5, "n": 3}),
    ("/v1/chat/completions", CHAT | {"stream": True, "stream_options": {"include_usage": True}}),
    ("/v1/completions", {"prompt": "Once", "seed": 3, "max_tokens": 30, "logprobs": 2}),
    ("/infer", {"sentence": "Hello", "seed": 1, "max_tokens": 20}),
    ("/tokenize", {"prompt": "Hello", "return_token_strs": True}),
    ("/v1/chat/completions", {"messages": MESSAGES, "temperature": 3}),
    ("/v1/chat/completions", {"messages": MESSAGES, "model": "another"}),
    ("/infer", {"no": "sentence"}),
])
def test_the_answer_is_the_same_bit_for_bit(cluster, direct, path, body):
    with_ray, without = both(cluster, direct, "POST", path, json=body)
    assert with_ray.status_code == without.status_code
    assert without_identity(with_ray.content) == without_identity(without.content)
    assert with_ray.headers["content-type"] == without.headers["content-type"]


@pytest.mark.parametrize(("method", "path"), [
    ("GET", "/infer?sentence=a%20b+c&seed=1&max_tokens=8"), ("GET", "/infer"), ("GET", "/ready"),
    ("HEAD", "/health"), ("DELETE", "/v1/models"), ("GET", "/v1/models/a%2Fb"), ("GET", "/nowhere?x=%20y"),
    ("OPTIONS", "/v1/models"), ("GET", "/"), ("GET", "/page-config.json"),
])
def test_methods_paths_and_queries_arrive_as_they_were_written(cluster, direct, method, path):
    with_ray, without = both(cluster, direct, method, path)
    assert with_ray.status_code == without.status_code, with_ray.text
    assert with_ray.content == without.content
    ours = {"date", "server", "x-request-id", "puna-replica", "connection", "keep-alive"}
    kept = {name: value for name, value in without.headers.items() if name not in ours}
    assert kept.items() <= with_ray.headers.items()


def test_a_foreign_page_and_a_foreign_name_are_refused_as_without_ray(cluster, direct):
    for headers in ({"Origin": "http://evil.example"}, {"Host": "evil.example"}):
        with_ray, without = both(cluster, direct, "GET", "/v1/models", headers=headers)
        assert (with_ray.status_code, without.status_code) == (403, 403)


def test_a_body_over_the_limit_is_413(cluster, direct):
    body = b'{"prompt": "' + b"x" * (11 << 20) + b'"}'
    with_ray = httpx.post(cluster.url + "/tokenize", content=body, timeout=60, trust_env=False,
                          headers={"Content-Type": "application/json"})
    assert with_ray.status_code == 413, with_ray.text
    assert with_ray.json()["error"]["code"] == "body_too_large"


def test_a_body_that_comes_in_pieces_is_put_together(cluster, direct):
    pieces = [b'{"prompt": "', b"Hello ", b'there"}']
    reply = httpx.post(cluster.url + "/tokenize", content=iter(pieces), timeout=60, trust_env=False,
                       headers={"Content-Type": "application/json"})
    assert reply.json() == direct.post("/tokenize", {"prompt": "Hello there"}).json()


def test_a_stream_arrives_piece_by_piece(cluster):
    """Collected anywhere on the way, even a few kilobytes at a time, events would come after more tokens."""
    with httpx.stream("POST", cluster.url + "/v1/chat/completions", json=ENDLESS, timeout=60,
                      trust_env=False) as reply:
        before = cluster.metric("vllm:generation_tokens_total")
        lines = reply.iter_lines()  # kept: a generator that is let go closes the connection
        for _ in range(10):
            assert next(line for line in lines if line).startswith("data:")
        assert cluster.metric("vllm:generation_tokens_total") - before < ENDLESS_TOKENS / 2
        assert cluster.metric("vllm:num_requests_running") == 1
    wait_until(lambda: cluster.metric("vllm:num_requests_running") == 0, SOON, "the engine is free")


def test_a_client_that_leaves_frees_the_engine(cluster):
    with httpx.stream("POST", cluster.url + "/v1/chat/completions", json=ENDLESS, timeout=60,
                      trust_env=False) as reply:
        lines = reply.iter_lines()
        next(lines)
        wait_until(lambda: cluster.metric("vllm:num_requests_running") == 1, SOON, "it runs")
    wait_until(lambda: cluster.metric("vllm:num_requests_running") == 0, SOON, "the engine is free")


def test_clients_cannot_keep_an_answer_running_that_nobody_reads(cluster):
    headers = {"x-request-disconnect-disabled": "?1", "x-request-timeout-seconds": "1"}
    with httpx.stream("POST", cluster.url + "/v1/chat/completions", json=ENDLESS, headers=headers,
                      timeout=60, trust_env=False) as reply:
        lines = reply.iter_lines()
        began = time.monotonic()
        while time.monotonic() - began < 1.5:
            assert "error" not in next(lines)
    wait_until(lambda: cluster.metric("vllm:num_requests_running") == 0, SOON, "the engine is free")


def test_every_answer_says_which_replica_gave_it(cluster):
    reply = httpx.get(cluster.url + "/version", trust_env=False)
    assert reply.headers["puna-replica"] in {one["replica_id"] for one in cluster.replicas()}
    assert json.loads(reply.content)["version"]
