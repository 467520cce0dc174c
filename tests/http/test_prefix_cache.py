"""What was computed of a prompt is not computed again, and nobody sees a difference but in the usage."""

import pytest

from conftest import make_client

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
