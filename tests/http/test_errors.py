"""Failures: one shape, the right status, a message that names the field; never 200."""

import json
import threading

import openai
import pytest

from conftest import make_client
from puna_server import ENDLESS_STEP_MICROSECONDS, SOON, wait_until

HELLO = [{"role": "user", "content": "Hello!"}]


def error_of(reply, status: int) -> dict:
    assert reply.status_code == status, reply.text
    assert list(reply.json()) == ["error"]
    error = reply.json()["error"]
    assert list(error) == ["message", "type", "param", "code"]
    assert isinstance(error["message"], str) and error["message"]
    assert error["code"] is None or isinstance(error["code"], str)
    return error


CHAT_REFUSALS = [
    ("temperature", "hot"), ("temperature", 3), ("temperature", -1), ("top_p", 0), ("top_p", 2),
    ("top_k", "many"), ("top_k", -2), ("min_p", 2), ("max_tokens", 0), ("max_tokens", 1.5),
    ("max_tokens", "5"), ("max_completion_tokens", -1), ("max_tokens", 1 << 40), ("n", 0),
    ("n", 129), ("n", "2"), ("n", True), ("stream", "yes"), ("stop", 1), ("stop", ["a", 1]),
    ("stop", ["x"] * 17), ("stop", ""), ("presence_penalty", 3), ("frequency_penalty", -3),
    ("repetition_penalty", 0), ("seed", "lucky"), ("seed", 1.5), ("logprobs", 1),
    ("logit_bias", []), ("logit_bias", {"a": 1}), ("logit_bias", {"600": 1}),
    ("logit_bias", {"1": 101}), ("logit_bias", {"1": 1e300}), ("model", 5),
    ("messages", "Hello"), ("messages", []), ("messages", {}), ("messages", None),
    ("messages", ["Hello"]), ("messages", [{"role": "user"}]),
    ("messages", [{"role": "king", "content": "a"}]), ("messages", [{"content": "a"}]),
    ("messages", [{"role": "user", "content": 5}]),
    ("messages", [{"role": "user", "content": [{"type": "image_url"}]}]),
    ("messages", [{"role": "user", "content": [{"type": "text", "text": 5}]}]),
    ("messages", [{"role": "assistant", "content": "", "tool_calls": [{"id": "1"}]}]),
    ("messages", [{"role": "tool", "content": "a", "tool_call_id": "1"}]),
    ("messages", [{"role": "assistant", "content": "a", "refusal": "no"}]),
    ("messages", [{"role": "user", "content": [{"type": "text", "text": "a", "txet": "b"}]}]),
    ("tools", [{"type": "function", "function": {"name": "f"}}]), ("tool_choice", "required"),
    ("functions", [{}]), ("function_call", {"name": "f"}),
    ("response_format", {"type": "json_object"}), ("response_format", {"type": 5}),
    ("response_format", {"type": "json_schema", "json_schema": {}}), ("response_format", "text"),
    ("stream_options", {"include_usage": True}), ("top_logprobs", 2), ("guided_json", {}),
    ("audio", {}), ("stop_token_ids", ["a"]), ("stop_token_ids", [600]),
    ("stop_token_ids", [1 << 40]), ("min_tokens", 50), ("best_of", 4), ("ignore_eos", 1),
    ("modalities", ["text", "audio"]), ("top_logprobs", 21), ("prompt_logprobs", 21),
    ("max_tokens", 1e30), ("max_tokens", 2**63), ("seed", 2**64), ("seed", 1e30), ("n", 1e30),
    ("top_k", -2**63), ("stop_token_ids", [2**63]), ("allowed_token_ids", []),
    ("allowed_token_ids", [600]), ("allowed_token_ids", [1.5]), ("bad_words", "word"),
    ("bad_words", [""]), ("bad_words", [5]), ("truncate_prompt_tokens", 0),
    ("truncate_prompt_tokens", -2), ("chat_template_kwargs", {"no_such_name": 1}),
    ("chat_template_kwargs", {"messages": []}), ("chat_template_kwargs", "text"),
    ("response_format", {"type": "text", "strict": True}), ("echo", True),
    ("reasoning_effort", "high"), ("mirostat", 2), ("typical_p", 0.5), ("grammar", "root ::= x"),
    ("guided_choice", ["a"]), ("documents", [{"text": "a"}]), ("verbosity", "low"),
    ("prompt", "text"), ("never_heard_of", 1), ("temprature", 0),
]


@pytest.mark.parametrize("field, value", CHAT_REFUSALS,
                         ids=[f"{field}={json.dumps(value)[:40]}" for field, value in CHAT_REFUSALS])
def test_what_is_wrong_is_400_and_named(server, field, value):
    body = {"messages": HELLO, "max_tokens": 10} | {field: value}
    error = error_of(server.post("/v1/chat/completions", body), 400)
    assert error["type"] == "invalid_request_error"
    assert error["param"].startswith(field), error
    assert field in error["message"]


@pytest.mark.parametrize("stream", [False, True])
def test_a_prompt_that_is_too_long_names_both_numbers(server, stream):
    body = {"messages": [{"role": "user", "content": "x" * 5000}], "stream": stream}
    error = error_of(server.post("/v1/chat/completions", body), 400)
    assert (error["code"], error["param"]) == ("context_length_exceeded", "messages")
    assert "4096" in error["message"] and "5019" in error["message"]


def test_max_tokens_beyond_the_model_names_the_numbers(server):
    error = error_of(server.post("/v1/completions", {"prompt": "abc", "max_tokens": 4096}), 400)
    assert error["code"] == "context_length_exceeded"
    assert "4096" in error["message"] and "4093" in error["message"]


@pytest.mark.parametrize("prompt", [None, 5, [], {}, [[]], "", [1.5], [-1], [600], ["a", 1],
                                    [[1], ["a"]], [True], ["a"] * 257])
def test_a_bad_completion_prompt_is_400(server, prompt):
    assert error_of(server.post("/v1/completions", {"prompt": prompt}), 400)["param"] == "prompt"


@pytest.mark.parametrize("path, body, param", [
    ("/infer", {"sentence": "x" * 9000}, "sentence"),
    ("/v1/completions", {"prompt": "x" * 9000}, "prompt"),
    ("/tokenize", {}, "prompt"), ("/detokenize", {}, "tokens"), ("/detokenize", {"tokens": [600]}, "tokens"),
    ("/tokenize", {"messages": HELLO, "chat_template_kwargs": {"other": 1}}, "chat_template_kwargs.other")])
def test_an_error_carries_the_field_that_the_client_sent(server, path, body, param):
    assert error_of(server.post(path, body), 400)["param"] == param


def test_too_many_choices_in_all_are_refused(server):
    error = error_of(server.post("/v1/completions", {"prompt": ["a"] * 100, "n": 3}), 400)
    assert error["param"] == "n" and "256" in error["message"]


@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b"null", b'"text"', b'{"messages": [}', b'{"a": 1, "a": 2}',
    b'{"messages": "\xff"}', b"[" * 5000, b'{"a":' * 100 + b"1" + b"}" * 100, b"\x00",
    b'{"max_tokens": 1e999}'])
def test_a_body_that_is_no_json_object_is_400(server, body):
    for path in ("/v1/chat/completions", "/v1/completions", "/tokenize", "/detokenize"):
        error_of(server.post(path, None, content=body,
                             headers={"Content-Type": "application/json"}), 400)


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions"])
def test_an_unknown_model_is_404(server, path):
    error = error_of(server.post(path, {"model": "gpt-9", "messages": HELLO, "prompt": "a"}), 404)
    assert (error["param"], error["code"]) == ("model", "model_not_found")
    assert "gpt-9" in error["message"] and "fake" in error["message"]


@pytest.mark.parametrize("path", ["/v2", "/v1", "/v1/models/", "/v1/chat", "/infer/", "/..%2fetc",
                                  "//v1/models", "/V1/models", "/%00"])
def test_an_unknown_path_is_404(server, path):
    error_of(server.get(path), 404)


@pytest.mark.parametrize("method, path, allowed", [
    ("GET", "/v1/chat/completions", "POST"), ("POST", "/v1/models", "GET, HEAD"),
    ("DELETE", "/infer", "GET, HEAD, POST"), ("PUT", "/", "GET, HEAD"),
    ("POST", "/health", "GET, HEAD")])
def test_a_wrong_method_is_405_with_those_allowed(server, method, path, allowed):
    reply = server.request(method, path)
    error_of(reply, 405)
    assert reply.headers["allow"] == allowed


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded",
                                          "multipart/form-data", "application/jsonx", ""])
def test_a_body_of_another_type_is_415(server, content_type):
    headers = {"Content-Type": content_type}
    error_of(server.post("/v1/chat/completions", None, content=b"{}", headers=headers), 415)


def test_a_compressed_body_is_415(server):
    error_of(server.post("/v1/chat/completions", {}, headers={"Content-Encoding": "gzip"}), 415)


def test_a_body_over_the_limit_is_413(start_server):
    server = start_server("--max-body-bytes", "20000")
    big = {"messages": [{"role": "user", "content": "x" * 3_000_000}]}
    error = error_of(server.post("/v1/chat/completions", big), 413)
    assert "20000" in error["message"] and "--max-body-bytes" in error["message"]
    assert server.get("/health").status_code == 200


def test_the_python_client_raises_its_classes(server, client):
    with pytest.raises(openai.BadRequestError) as bad:
        client.chat.completions.create(model="fake", messages=HELLO, temperature=5)
    assert (bad.value.param, bad.value.type) == ("temperature", "invalid_request_error")
    with pytest.raises(openai.BadRequestError) as long:
        client.completions.create(model="fake", prompt="x" * 5000)
    assert long.value.code == "context_length_exceeded"
    with pytest.raises(openai.NotFoundError) as missing:
        client.chat.completions.create(model="other", messages=HELLO)
    assert missing.value.code == "model_not_found"


def test_a_full_queue_is_503_and_the_client_tries_again(start_server):
    server = start_server("--max-num-seqs", "1", "--max-num-queued-reqs", "1",
                          step_microseconds=ENDLESS_STEP_MICROSECONDS)
    first = server.send_chat(max_tokens=500)
    wait_until(lambda: server.metric("vllm:num_requests_running") == 1, SOON, "the first runs")
    second = server.send_chat(max_tokens=500)
    wait_until(lambda: server.metric("vllm:num_requests_waiting") == 1, SOON, "the second waits")
    with make_client(server) as client, pytest.raises(openai.InternalServerError) as full:
        client.chat.completions.create(model="fake", messages=HELLO, max_tokens=1)
    assert full.value.status_code == 503 and full.value.code == "overloaded"
    assert 1 <= int(full.value.response.headers["retry-after"]) <= 60
    assert server.metric("vllm:admission_rejections_total") == 1

    def leave_when_another_is_refused() -> None:
        wait_until(lambda: server.metric("vllm:admission_rejections_total") >= 2, SOON, "another is refused")
        first.close()
        second.close()

    leaving = threading.Thread(target=leave_when_another_is_refused)
    leaving.start()
    with make_client(server, max_retries=8) as patient:
        assert patient.chat.completions.create(model="fake", messages=HELLO, max_tokens=1).choices
    leaving.join()
