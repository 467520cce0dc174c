"""Answers that repeat come several tokens a step, and are the same in every byte."""

import json

import pytest

from puna_server import PunaServer
from test_prefix_cache import start_that_fails

REPETITIVE = ("--fake-repetitive",)


@pytest.fixture(scope="module")
def servers():
    """Without and with drafts."""
    both = [PunaServer(*REPETITIVE, *flags, step_microseconds=300) for flags in (("--no-speculation",), ())]
    yield both
    for one in both:
        assert one.close() == 0, one.errors


def both_answers(servers, path: str, body: dict) -> list[dict]:
    answers = []
    for server in servers:
        reply = server.post(path, body)
        assert reply.status_code == 200, reply.text
        answer = reply.json()
        answers.append({name: answer[name] for name in ("choices", "usage")})
    return answers


@pytest.mark.parametrize("fields", [
    {"temperature": 0, "ignore_eos": True},
    {"temperature": 1, "seed": 3, "logprobs": 2, "n": 2},
    {"temperature": 0.9, "seed": 4, "repetition_penalty": 1.02, "logit_bias": {"101": 1.5}, "echo": True},
    {"temperature": 0.7, "seed": 5, "presence_penalty": 0.2, "min_tokens": 50, "stop": ["ab", "pe", " "]},
    {"temperature": 0.7, "seed": 6, "stop": ["qz", "ju"], "include_stop_str_in_output": True, "ignore_eos": True},
    {"temperature": 0.5, "seed": 7, "bad_words": ["ka"], "top_p": 0.9, "max_tokens": 33},
])
def test_answers_are_the_same_with_and_without_drafts(servers, fields):
    body = {"prompt": "abc abc. the abc", "max_tokens": 150, **fields}
    without, with_drafts = both_answers(servers, "/v1/completions", body)
    assert with_drafts == without


def test_a_stream_counts_only_tokens_that_were_sent(servers):
    """A stop string ends the answer in the middle of what a step gave."""
    body = {"prompt": "abc abc", "max_tokens": 200, "temperature": 0, "ignore_eos": True}
    text = servers[0].post("/v1/completions", body).json()["choices"][0]["text"]
    stop = text[120:123]
    streams = []
    for server in servers:
        reply = server.post("/v1/completions", {**body, "stop": stop, "stream": True, "stream_options": {
            "include_usage": True, "continuous_usage_stats": True}})
        events = [json.loads(line[6:]) for line in reply.text.splitlines() if line.startswith("data: {")]
        counts = [event["usage"]["completion_tokens"] for event in events]
        assert counts == sorted(counts)
        choices = [choice for event in events for choice in event["choices"]]
        finish, = [choice["finish_reason"] for choice in choices if choice["finish_reason"]]
        streams.append(("".join(choice["text"] for choice in choices), counts[-1], finish))
    assert streams[0] == streams[1]
    assert streams[0][0] == text[:text.index(stop)] and streams[0][2] == "stop"


def test_drafts_are_counted_under_vllms_names(servers):
    without, drafting = servers
    body = {"prompt": "abc abc", "max_tokens": 300, "temperature": 0, "ignore_eos": True}
    assert drafting.post("/v1/completions", body).status_code == 200
    drafted = drafting.metric("vllm:spec_decode_num_draft_tokens_total")
    accepted = drafting.metric("vllm:spec_decode_num_accepted_tokens_total")
    assert drafted >= accepted > 0
    assert drafting.metric("vllm:spec_decode_num_drafts_total") > 0
    first = drafting.metric("vllm:spec_decode_num_accepted_tokens_per_pos_total", position="0")
    assert accepted >= first > 0
    assert "spec_decode" not in without.get("/metrics").text


def test_a_config_that_means_nothing_is_refused():
    assert "ngram" in start_that_fails("--speculative-config", '{"method": "eagle"}')
    assert "--no-speculation" in start_that_fails("--no-speculation", "--speculative-config", "{}")
