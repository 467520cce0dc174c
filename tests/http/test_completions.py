"""/v1/completions: prompts of four kinds, echo, logprobs. And /infer, /tokenize, /detokenize."""

import openai
import pytest


def complete(client: openai.OpenAI, prompt, **fields):
    extra = {"ignore_eos": True} | fields.pop("extra_body", {})
    options = {"max_tokens": 8, "temperature": 0} | fields
    return client.completions.create(model="fake", prompt=prompt, **options, extra_body=extra)


def test_a_completion_has_the_official_shape(client):
    answer = complete(client, "Once upon")
    assert answer.object == "text_completion" and answer.id.startswith("cmpl-")
    assert len(answer.choices[0].text) == 8
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.prompt_tokens == len("Once upon")


def test_the_default_is_sixteen_tokens(client):
    answer = client.completions.create(model="fake", prompt="a", extra_body={"ignore_eos": True})
    assert answer.usage.completion_tokens == 16


@pytest.mark.parametrize("prompts", [["first", "second"],
                                     [list(b"first"), list(b"second")]], ids=["texts", "ids"])
def test_each_of_several_prompts_is_answered(client, prompts):
    together = complete(client, prompts)
    alone = [complete(client, prompt).choices[0].text
             for prompt in ("first", "second")]
    assert [choice.index for choice in together.choices] == [0, 1]
    assert [choice.text for choice in together.choices] == alone
    assert together.usage.prompt_tokens == len("first") + len("second")


def test_token_ids_are_a_prompt(client):
    assert (complete(client, list(b"words")).choices[0].text ==
            complete(client, "words").choices[0].text)


def test_n_times_prompts_are_ordered_by_prompt(client):
    answer = complete(client, ["one", "two"], n=2, echo=True)
    assert [choice.text[:3] for choice in answer.choices] == ["one", "one", "two", "two"]


@pytest.mark.parametrize("prompt", ["Echo me", list(b"Echo me")], ids=["text", "ids"])
def test_echo_puts_the_prompt_first(client, prompt):
    plain = complete(client, prompt).choices[0].text
    assert complete(client, prompt, echo=True).choices[0].text == "Echo me" + plain
    stream = complete(client, prompt, echo=True, stream=True)
    assert "".join(chunk.choices[0].text for chunk in stream) == "Echo me" + plain


@pytest.mark.parametrize("stream", [False, True])
def test_echo_with_logprobs_scores_the_prompt(client, stream):
    answer = complete(client, list(b"abc"), echo=True, logprobs=2, max_tokens=2, stream=stream)
    found = {"tokens": [], "token_logprobs": [], "top_logprobs": [], "text_offset": []}
    for part in answer if stream else [answer]:
        if part.choices[0].logprobs:
            for name, values in found.items():
                values += getattr(part.choices[0].logprobs, name)
    assert found["tokens"][:3] == ["a", "b", "c"] and len(found["tokens"]) == 5
    assert found["token_logprobs"][0] is None and found["top_logprobs"][0] is None
    assert all(value <= 0 for value in found["token_logprobs"][1:])
    assert all(2 <= len(top) <= 3 for top in found["top_logprobs"][1:])
    assert found["text_offset"] == [0, 1, 2, 3, 4]


def test_a_score_of_the_prompt_is_the_score_of_the_same_answer(client):
    answer = complete(client, "x", logprobs=0, max_tokens=3).choices[0]
    scored = complete(client, "x" + answer.text, echo=True, logprobs=0, max_tokens=1).choices[0]
    assert scored.logprobs.token_logprobs[1:4] == pytest.approx(answer.logprobs.token_logprobs,
                                                                abs=1e-5)


def test_infer_answers_as_the_seed_system_did(server):
    reply = server.get("/infer", params={"sentence": "Hello there", "max_tokens": "10"})
    assert reply.status_code == 200
    [text] = reply.json()
    assert text.startswith("Hello there\n")


def test_infer_decodes_spaces_and_unicode(server):
    for query in ("a+b%20c%C3%A9", "a%20b+c%c3%a9"):
        [text] = server.get(f"/infer?sentence={query}&max_tokens=1").json()
        assert text.startswith("a b cé\n")


def test_infer_without_echo_is_the_answer_alone(server):
    asked = {"sentence": "Hello", "seed": 3, "max_tokens": 20}
    [echoed] = server.get("/infer", params=asked).json()
    [alone] = server.get("/infer", params=asked | {"echo": "false"}).json()
    [posted] = server.post("/infer", asked | {"echo": False}).json()
    assert echoed == "Hello\n" + alone and posted == alone


@pytest.mark.parametrize("path", ["/infer", "/infer?sentenc=x", "/infer?echo=false"])
def test_infer_without_a_sentence_is_422(server, path):
    reply = server.get(path)
    assert reply.status_code == 422 and reply.json()["error"]["param"] == "sentence"
    assert server.post("/infer", {"echo": True}).status_code == 422


def test_infer_failures_are_never_200(server):
    assert server.get("/infer?sentence=x&temperature=9").status_code == 400
    assert server.get("/infer?sentence=x&max_tokens=many").status_code == 400
    assert server.get("/infer?sentence=%ff").status_code == 400
    assert server.get("/infer?sentence=" + "x" * 5000).status_code == 400


def test_tokenize_and_detokenize_are_inverse(server):
    text = "Grüße, 世界! <|im_end|>"
    tokens = server.post("/tokenize", {"prompt": text, "return_token_strs": True}).json()
    assert tokens["count"] == len(tokens["tokens"]) == len(tokens["token_strs"]) == len(text.encode())
    assert server.post("/detokenize", {"tokens": tokens["tokens"]}).json() == {"prompt": text}


def test_messages_are_tokenized_through_the_template(server, client):
    messages = [{"role": "user", "content": "Hello"}]
    count = server.post("/tokenize", {"messages": messages}).json()["count"]
    answer = client.chat.completions.create(model="fake", messages=messages, max_tokens=1)
    assert count == answer.usage.prompt_tokens
    without = server.post("/tokenize", {"messages": messages, "add_generation_prompt": False})
    assert without.json()["count"] < count


@pytest.mark.parametrize("path, body", [
    ("/tokenize", {}), ("/tokenize", {"prompt": 1}), ("/tokenize", {"prompt": "a", "messages": []}),
    ("/detokenize", {}), ("/detokenize", {"tokens": "a"}), ("/detokenize", {"tokens": [512]}),
    ("/detokenize", {"tokens": [-1]})])
def test_bad_token_requests_are_400(server, path, body):
    reply = server.post(path, body)
    assert reply.status_code == 400 and reply.json()["error"]["message"]
