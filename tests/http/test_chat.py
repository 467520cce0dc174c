"""/v1/chat/completions through OpenAI's Python client."""

import openai
import pytest

HELLO = [{"role": "user", "content": "Hello!"}]


def test_an_answer_has_the_official_shape(client):
    answer = client.chat.completions.create(model="fake", messages=HELLO, max_tokens=12,
                                            temperature=0,
                                            extra_body={"ignore_eos": True})
    assert answer.object == "chat.completion" and answer.model == "fake"
    assert answer.id.startswith("chatcmpl-")
    [choice] = answer.choices
    assert (choice.index, choice.finish_reason, choice.logprobs) == (0, "length", None)
    assert choice.message.role == "assistant" and len(choice.message.content) == 12
    assert choice.message.refusal is None
    assert answer.usage.completion_tokens == 12
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 12


def test_the_raw_body_has_every_required_field(server):
    body = server.post("/v1/chat/completions", {"messages": HELLO, "max_tokens": 4}).json()
    assert set(body) == {"id", "object", "created", "model", "choices", "usage"}
    assert set(body["choices"][0]) == {"index", "message", "logprobs", "finish_reason"}
    assert set(body["choices"][0]["message"]) == {"role", "content", "refusal"}


def test_a_stream_is_role_text_finish_usage(client):
    chunks = list(client.chat.completions.create(
        model="fake", messages=HELLO, max_tokens=12, stream=True,
        stream_options={"include_usage": True}, extra_body={"ignore_eos": True}))
    assert len({(chunk.id, chunk.created, chunk.model) for chunk in chunks}) == 1
    assert all(chunk.object == "chat.completion.chunk" for chunk in chunks)
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[0].choices[0].delta.content == ""
    assert all(chunk.choices[0].finish_reason is None for chunk in chunks[:-2])
    assert all(chunk.usage is None for chunk in chunks[:-1])
    assert chunks[-2].choices[0].finish_reason == "length"
    assert chunks[-2].choices[0].delta.content is None
    assert chunks[-1].choices == [] and chunks[-1].usage.completion_tokens == 12


def test_a_stream_says_what_a_whole_answer_says(client):
    asked = {"model": "fake", "messages": HELLO, "max_tokens": 40, "seed": 7}
    whole = client.chat.completions.create(**asked).choices[0].message.content
    stream = client.chat.completions.create(**asked, stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == whole


def test_without_include_usage_there_is_none(client):
    chunks = list(client.chat.completions.create(model="fake", messages=HELLO, max_tokens=2,
                                                 stream=True))
    assert all(chunk.usage is None and len(chunk.choices) == 1 for chunk in chunks)


def test_the_raw_stream_ends_with_done(server):
    reply = server.post("/v1/chat/completions",
                        {"messages": HELLO, "max_tokens": 2, "stream": True})
    assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert reply.headers["cache-control"] == "no-cache"
    assert reply.text.endswith("\n\ndata: [DONE]\n\n")
    assert all(event.startswith("data: ") for event in reply.text.strip().split("\n\n"))


def test_n_choices_differ_and_repeat_with_the_seed(client):
    asked = {"model": "fake", "messages": HELLO, "max_tokens": 20, "n": 3, "seed": 5}
    first, second = (client.chat.completions.create(**asked) for _ in range(2))
    texts = [choice.message.content for choice in first.choices]
    assert [choice.index for choice in first.choices] == [0, 1, 2]
    assert len(set(texts)) == 3
    assert [choice.message.content for choice in second.choices] == texts


def test_n_choices_stream_with_one_role_and_one_finish_each(client):
    chunks = list(client.chat.completions.create(model="fake", messages=HELLO, max_tokens=5, n=3,
                                                 stream=True))
    choices = [chunk.choices[0] for chunk in chunks]
    assert sorted(one.index for one in choices if one.delta.role) == [0, 1, 2]
    assert sorted(one.index for one in choices if one.finish_reason) == [0, 1, 2]


def test_the_prompt_counts_once_for_n_choices(client):
    asked = {"model": "fake", "messages": HELLO, "max_tokens": 3,
             "extra_body": {"ignore_eos": True}}
    one = client.chat.completions.create(**asked).usage
    three = client.chat.completions.create(**asked, n=3).usage
    assert (three.prompt_tokens, three.completion_tokens) == (one.prompt_tokens, 9)


def test_a_stop_string_ends_the_answer_and_is_not_in_it(client):
    asked = {"model": "fake", "messages": HELLO, "max_tokens": 60, "temperature": 0,
             "extra_body": {"ignore_eos": True}}
    whole = client.chat.completions.create(**asked).choices[0].message.content
    stop = whole[20:23]
    stopped = client.chat.completions.create(**asked, stop=[stop]).choices[0]
    assert stopped.finish_reason == "stop"
    assert stopped.message.content == whole[:whole.index(stop)]
    stream = client.chat.completions.create(**asked, stop=stop, stream=True)
    streamed = "".join(chunk.choices[0].delta.content or "" for chunk in stream)
    assert streamed == whole[:whole.index(stop)]


def test_logprobs_come_one_per_token(client):
    choice = client.chat.completions.create(
        model="fake", messages=HELLO, max_tokens=6, temperature=0, logprobs=True, top_logprobs=3,
        extra_body={"ignore_eos": True}).choices[0]
    assert len(choice.logprobs.content) == 6
    for entry in choice.logprobs.content:
        assert bytes(entry.bytes).decode() == entry.token
        assert len(entry.top_logprobs) == 3
        assert entry.logprob == pytest.approx(entry.top_logprobs[0].logprob)
        assert entry.logprob <= 0
    assert "".join(entry.token for entry in choice.logprobs.content) == choice.message.content


def test_logprobs_stream_too(client):
    chunks = list(client.chat.completions.create(
        model="fake", messages=HELLO, max_tokens=6, logprobs=True, stream=True,
        extra_body={"ignore_eos": True}))
    entries = [entry for chunk in chunks if chunk.choices[0].logprobs
               for entry in chunk.choices[0].logprobs.content]
    assert len(entries) == 6


def test_content_may_be_a_list_of_text_parts(client):
    parts = [{"role": "user", "content": [{"type": "text", "text": "Hel"},
                                          {"type": "text", "text": "lo!"}]}]
    asked = {"model": "fake", "max_tokens": 20, "temperature": 0}
    assert (client.chat.completions.create(messages=parts, **asked).choices[0].message.content ==
            client.chat.completions.create(messages=HELLO, **asked).choices[0].message.content)


def test_models_are_listed_and_found(client):
    [model] = client.models.list().data
    assert (model.id, model.object, model.owned_by) == ("fake", "model", "puna")
    assert client.models.retrieve("fake").id == "fake"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("other")


def test_the_client_can_give_up_in_the_middle(client, server):
    stream = client.chat.completions.create(model="fake", messages=HELLO, max_tokens=3000,
                                            stream=True, extra_body={"ignore_eos": True})
    next(iter(stream))
    stream.close()
    assert server.get("/health").status_code == 200
