"""What was computed of a prompt is not computed again, and nobody sees a difference but in the usage."""

import json
import subprocess

import pytest

from conftest import make_client
from puna_server import BINARY, PATIENCE

SYSTEM = {"role": "system", "content": "You help customers of a shop. " * 8}


def ask(client, question: str, **extra):
    return client.chat.completions.create(
        model="fake", messages=[SYSTEM, {"role": "user", "content": question}], max_tokens=20,
        seed=7, extra_body={"ignore_eos": True, **extra})


def cached(answer) -> int:
    return answer.usage.prompt_tokens_details.cached_tokens


def test_the_second_question_reads_only_what_is_new(start_server):
    server = start_server()
    with make_client(server) as client:
        assert cached(ask(client, "Where is my order?")) == 0
        again = ask(client, "Where is my parcel?")
        assert 192 <= cached(again) < again.usage.prompt_tokens
        last = list(client.chat.completions.create(
            model="fake", messages=[SYSTEM, {"role": "user", "content": "And now?"}], max_tokens=3,
            stream=True, stream_options={"include_usage": True}))[-1]
        assert cached(last) >= 192
    asked = server.metric("vllm:prefix_cache_queries_total")
    assert asked > server.metric("vllm:prefix_cache_hits_total") >= 2 * 192
    assert server.metric("vllm:prompt_tokens_total") == asked
    assert server.metric("vllm:kv_cache_usage_perc") == 0
    assert server.metric("puna_kv_blocks_cached") > 0


def test_without_the_cache_the_answers_are_the_same(start_server):
    texts = []
    for flags in ((), ("--no-enable-prefix-caching",)):
        with make_client(start_server(*flags)) as client:
            answers = [ask(client, question) for question in ("Hello", "Hello", "Hello again")]
            texts.append([answer.choices[0].message.content for answer in answers])
            assert (cached(answers[1]) > 0) == (not flags)
    assert texts[0] == texts[1]


@pytest.mark.parametrize("flags", [(), ("--prefix-cache-per-key",)])
def test_salts_and_keys_keep_prompts_apart(start_server, flags):
    server = start_server("--api-key", "one", "--api-key", "two", *flags)
    with make_client(server, "one") as one, make_client(server, "two") as two:
        ask(one, "Hello")
        assert cached(ask(one, "Hello")) > 0
        assert (cached(ask(two, "Hello")) > 0) == (not flags)
        assert cached(ask(one, "Hello", cache_salt="mine")) == 0
        assert cached(ask(one, "Hello", cache_salt="mine")) > 0


def test_an_empty_salt_is_refused(server):
    reply = server.post("/v1/completions", {"prompt": "a", "cache_salt": ""})
    assert reply.status_code == 400 and reply.json()["error"]["param"] == "cache_salt"


@pytest.mark.parametrize("template", ["chatml", "llama-2"])
def test_a_warm_prefix_is_there_for_the_first_question_of_every_key(start_server, tmp_path, template):
    (tmp_path / "system.txt").write_text(SYSTEM["content"] + "\n")
    server = start_server("--warm-prefix", str(tmp_path / "system.txt"), "--prefix-cache-per-key",
                          "--api-key", "one", "--api-key", "two", "--chat-template", template)
    for key in ("one", "two"):
        with make_client(server, key) as client:
            assert cached(ask(client, "Where is my order?")) >= 192


def test_chats_are_kept_warm_to_their_last_word(start_server, tmp_path):
    question = [SYSTEM, {"role": "user", "content": "Where is my order? " * 8}]
    answered = [*question, {"role": "assistant", "content": "On its way. " * 20}]
    (tmp_path / "chats.json").write_text(json.dumps([question, {"messages": answered}]))
    server = start_server("--warm-prefix", str(tmp_path / "chats.json"))
    with make_client(server) as client:
        answer = client.chat.completions.create(
            model="fake", messages=[*answered, {"role": "user", "content": "Thanks"}], max_tokens=3)
    assert answer.usage.prompt_tokens - cached(answer) < 128
    assert server.metric("puna_kv_blocks_used") >= cached(answer) // 64


@pytest.mark.parametrize("text, word", [
    (None, "--warm-prefix"),
    (" ", "it has no text"),
    ("[", "JSON"),
    ("[]", "0 chats"),
    ('[{"chat": []}]', "chat 0 has no messages"),
    ('[[{"role": "user", "content": "a"}], [{"role": "nobody", "content": "a"}]]', "chat 1"),
    ("x" * 5000, "tokens"),
])
def test_a_warm_prefix_that_cannot_be_is_one_line(tmp_path, text, word):
    file = tmp_path / "warm"
    if text is not None:
        file.write_text(text)
    ended = start_that_fails("--warm-prefix", str(file))
    assert "--warm-prefix" in ended and word in ended


def test_a_warm_prefix_needs_the_cache_and_room(tmp_path):
    (tmp_path / "warm").write_text("Hello " * 300)
    flags = ("--warm-prefix", str(tmp_path / "warm"))
    assert "--no-enable-prefix-caching" in start_that_fails(*flags, "--no-enable-prefix-caching")
    small = start_that_fails(*flags, "--max-model-len", "2048", "--kv-cache-memory-bytes", "131072")
    assert "--kv-cache-memory-bytes" in small and "--warm-prefix" in small


def start_that_fails(*flags: str) -> str:
    """The last line of a server that does not start."""
    ended = subprocess.run([BINARY, "serve", "--backend", "fake", "--port", "0", *flags],
                           capture_output=True, text=True, timeout=60 * PATIENCE,
                           stdin=subprocess.DEVNULL)
    assert ended.returncode == 1
    return ended.stderr.strip().splitlines()[-1]
