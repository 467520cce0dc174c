"""Request fields as real clients send them: obeyed, refused by name, or listed as without effect."""

import json

import openai
import pytest

HELLO = [{"role": "user", "content": "Hello!"}]
ROOMY = {"max_tokens": 8, "temperature": 0, "ignore_eos": True}


def chat(server, **fields):
    reply = server.post("/v1/chat/completions", {"messages": HELLO} | ROOMY | fields)
    assert reply.status_code == 200, reply.text
    return reply.json()


def complete(server, prompt, **fields):
    reply = server.post("/v1/completions", {"prompt": prompt} | ROOMY | fields)
    assert reply.status_code == 200, reply.text
    return reply.json()


def events_of(server, path, body):
    reply = server.post(path, body | {"stream": True})
    assert reply.status_code == 200, reply.text
    lines = [line.removeprefix("data: ") for line in reply.text.split("\n") if line.startswith("data: ")]
    assert lines.pop() == "[DONE]"
    return [json.loads(line) for line in lines]


def text_of(answer):
    return answer["choices"][0]["message"]["content"]


@pytest.mark.parametrize("field, value", [
    ("user", "someone"), ("store", True), ("metadata", {"a": "b"}), ("service_tier", "auto"),
    ("safety_identifier", "x"), ("prompt_cache_key", "x"), ("parallel_tool_calls", True),
    ("prediction", {"type": "content", "content": "x"}), ("cache_prompt", True),
    ("tools", []), ("tool_choice", "none"), ("function_call", "auto"), ("functions", []),
    ("response_format", {"type": "text"}), ("modalities", ["text"]), ("reasoning_effort", "none"),
    ("use_beam_search", False), ("length_penalty", 1.0), ("mirostat", 0), ("typical_p", 1),
    ("echo", False), ("grammar", ""), ("documents", []), ("verbosity", "medium"),
    ("never_heard_of", None), ("tools", None), ("seed", None), ("logit_bias", None),
    ("stream_options", None), ("n", None), ("logprobs", None), ("max_tokens", None)])
def test_what_cannot_matter_or_is_off_changes_nothing(server, field, value):
    plain = {"temperature": 0, "ignore_eos": True, "max_completion_tokens": 8}
    asked = {"messages": HELLO} | plain
    want = server.post("/v1/chat/completions", asked).json()
    got = server.post("/v1/chat/completions", asked | {field: value})
    assert got.status_code == 200, got.text
    assert text_of(got.json()) == text_of(want)


def test_integers_may_be_written_as_floats(server):
    body = b'{"messages": [{"role": "user", "content": "a"}], "max_tokens": 8.0, "n": 2.0, "seed": 3.0}'
    reply = server.post("/v1/chat/completions", None, content=body,
                        headers={"Content-Type": "application/json"})
    assert reply.status_code == 200 and len(reply.json()["choices"]) == 2
    assert reply.json()["usage"]["completion_tokens"] <= 16


def test_a_seed_of_minus_one_is_drawn(server):
    texts = {text_of(chat(server, seed=-1, temperature=1, max_tokens=30)) for _ in range(4)}
    assert len(texts) == 4


def test_an_answer_of_the_client_may_be_sent_back_as_it_came(server, client):
    message = client.chat.completions.create(model="fake", messages=HELLO,
                                             max_tokens=5).choices[0].message
    again = HELLO + [message.model_dump(), {"role": "user", "content": "And?"}]
    assert client.chat.completions.create(model="fake", messages=again, max_tokens=2).choices
    with_lists = again[:1] + [{"role": "assistant", "content": "a", "tool_calls": [],
                               "annotations": [], "audio": None}] + again[2:]
    assert client.chat.completions.create(model="fake", messages=with_lists, max_tokens=2).choices


def test_a_misspelt_field_is_refused_with_the_nearest(client):
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model="fake", messages=HELLO, extra_body={"max_token": 5})
    assert "did you mean max_tokens?" in str(refused.value)


def test_the_last_message_goes_on(server):
    talk = HELLO + [{"role": "assistant", "content": "It is a"}]
    asked = {"messages": talk, "continue_final_message": True, "return_token_ids": True}
    ids = chat(server, **asked)["prompt_token_ids"]
    assert bytes(ids[-7:]).decode() == "It is a"
    plain = server.post("/tokenize", {"messages": talk, "add_generation_prompt": False}).json()
    assert ids == plain["tokens"][:len(ids)]
    assert server.post("/tokenize", {"messages": talk, "continue_final_message": True}
                       ).json()["tokens"] == ids
    without = chat(server, messages=talk, add_generation_prompt=False, return_token_ids=True)
    assert without["prompt_token_ids"] == plain["tokens"]


def test_spaces_at_the_end_of_the_last_message_stay(server):
    talk = HELLO + [{"role": "assistant", "content": "It is "}]
    ids = chat(server, messages=talk, continue_final_message=True,
               return_token_ids=True)["prompt_token_ids"]
    assert bytes(ids[-6:]).decode() == "It is "


@pytest.mark.parametrize("last", ["", "  "])
def test_there_must_be_something_to_go_on_with(server, last):
    reply = server.post("/v1/chat/completions", {
        "messages": HELLO + [{"role": "assistant", "content": last}],
        "continue_final_message": True})
    assert reply.status_code == 400
    assert reply.json()["error"]["param"] == "continue_final_message"


TEMPLATE = ("{%- for m in messages -%}<|im_start|>{{ m.role }}{{ m.name or '' }}:{{ m.content }}"
            "<|im_end|>{%- endfor -%}{%- if style is defined -%}[{{ style }}]{%- endif -%}")


@pytest.fixture(scope="module")
def styled(tmp_path_factory):
    from puna_server import PunaServer
    path = tmp_path_factory.mktemp("template") / "template.jinja"
    path.write_text(TEMPLATE)
    server = PunaServer("--chat-template", str(path))
    yield server
    assert server.close() == 0, server.errors


def prompt_of(server, body):
    reply = server.post("/tokenize", body)
    assert reply.status_code == 200, reply.text
    return server.post("/detokenize", {"tokens": reply.json()["tokens"]}).json()["prompt"]


def test_template_variables_are_those_that_the_template_reads(styled):
    asked = {"messages": HELLO, "chat_template_kwargs": {"style": "short"}}
    assert prompt_of(styled, asked).endswith("[short]")
    refused = styled.post("/v1/chat/completions",
                          {"messages": HELLO, "chat_template_kwargs": {"stile": "short"}})
    assert refused.status_code == 400 and "it reads style" in refused.json()["error"]["message"]


def test_template_variables_never_become_control_tokens(styled):
    asked = {"messages": HELLO, "chat_template_kwargs": {"style": "<|im_end|>"}}
    tokens = styled.post("/tokenize", asked).json()["tokens"]
    assert bytes(token for token in tokens if token < 256).decode().endswith("[<|im_end|>]")


def test_what_else_a_message_has_is_the_templates(styled):
    named = [{"role": "user", "name": "Ann", "content": "Hi"}]
    assert "userAnn:Hi" in prompt_of(styled, {"messages": named})


def test_token_ids_come_beside_the_text(server):
    answer = chat(server, return_token_ids=True)
    assert answer["prompt_token_ids"] == server.post("/tokenize", {"messages": HELLO}).json()["tokens"]
    [choice] = answer["choices"]
    assert bytes(choice["token_ids"]).decode(errors="replace") == choice["message"]["content"]
    [one] = complete(server, "abc", return_token_ids=True)["choices"]
    assert one["prompt_token_ids"] == list(b"abc") and len(one["token_ids"]) == 8


def test_streams_have_the_prompt_ids_once_and_then_those_of_each_event(server):
    for path, prompt in (("/v1/chat/completions", {"messages": HELLO}),
                         ("/v1/completions", {"prompt": "abc"})):
        asked = prompt | ROOMY | {"return_token_ids": True}
        whole = server.post(path, asked).json()
        events = events_of(server, path, asked)
        choices = [event["choices"][0] for event in events]
        ids = sum((choice.get("token_ids", []) for choice in choices), [])
        assert ids == whole["choices"][0]["token_ids"]
        place = events[0] if "chat" in path else choices[0]
        assert place["prompt_token_ids"] == (whole if "chat" in path else whole["choices"][0])[
            "prompt_token_ids"]
        assert not any("prompt_token_ids" in event for event in events[1:] + choices[1:])


def test_tokens_in_logprobs_may_be_called_by_id(server):
    asked = {"logprobs": True, "top_logprobs": 2, "return_token_ids": True}
    [choice] = chat(server, return_tokens_as_token_ids=True, **asked)["choices"]
    assert [one["token"] for one in choice["logprobs"]["content"]] == [
        f"token_id:{token}" for token in choice["token_ids"]]
    assert all(top["token"].startswith("token_id:") for one in choice["logprobs"]["content"]
               for top in one["top_logprobs"])
    [one] = complete(server, "abc", logprobs=2, return_tokens_as_token_ids=True)["choices"]
    assert all(set(top) > {name} for name, top in zip(one["logprobs"]["tokens"],
                                                      one["logprobs"]["top_logprobs"])
               if len(top) > 2) and one["logprobs"]["tokens"][0].startswith("token_id:")


def test_prompt_logprobs_have_vllms_shape(server):
    answer = complete(server, "abc", prompt_logprobs=2)["choices"][0]["prompt_logprobs"]
    assert answer[0] is None and len(answer) == 3
    for token, entry in zip(b"bc", answer[1:]):
        own = entry[str(token)]
        assert set(own) == {"logprob", "rank", "decoded_token"} and own["decoded_token"] == chr(token)
        assert 2 <= len(entry) <= 3 and sorted(e["rank"] for e in entry.values())[:2] == [1, 2]
        better = [e for e in entry.values() if e["logprob"] > own["logprob"]]
        assert own["rank"] > len(better)
    scored = complete(server, "abc", echo=True, logprobs=0, max_tokens=1)["choices"][0]["logprobs"]
    assert [entry[str(token)]["logprob"] for token, entry in zip(b"bc", answer[1:])] == pytest.approx(
        scored["token_logprobs"][1:3])
    assert len(chat(server, prompt_logprobs=0)["prompt_logprobs"]) > 3


def test_prompt_logprobs_are_not_for_streams(server):
    reply = server.post("/v1/completions", {"prompt": "a", "prompt_logprobs": 1, "stream": True})
    assert reply.status_code == 400 and reply.json()["error"]["param"] == "prompt_logprobs"


def test_only_allowed_tokens_are_chosen(server):
    answer = complete(server, "abc", allowed_token_ids=list(b"xyz"), temperature=1, max_tokens=40)
    assert set(answer["choices"][0]["text"]) <= set("xyz")


def test_bad_words_do_not_come(server):
    whole = complete(server, "abc", max_tokens=30)["choices"][0]["text"]
    word = whole[3:5]
    without = complete(server, "abc", max_tokens=60, bad_words=[word])["choices"][0]["text"]
    assert word.lstrip() not in without and without[:3] == whole[:3]


def test_special_tokens_are_shown_when_asked_for(server):
    asked = {"logit_bias": {"257": 100}, "max_tokens": 2}
    assert complete(server, "abc", **asked)["choices"][0]["text"] == ""
    shown = complete(server, "abc", skip_special_tokens=False, **asked)["choices"][0]["text"]
    assert shown == "<|im_start|><|im_start|>"


def test_a_prompt_is_cut_on_its_left(server):
    long = "x" * 5000 + "abc"
    kept = complete(server, long, truncate_prompt_tokens=3, return_token_ids=True)
    assert kept["choices"][0]["prompt_token_ids"] == list(b"abc")
    assert kept["usage"]["prompt_tokens"] == 3
    fits = complete(server, long, truncate_prompt_tokens=-1, max_tokens=10)
    assert fits["usage"]["prompt_tokens"] == 4096 - 10
    echoed = complete(server, long, truncate_prompt_tokens=3, echo=True)["choices"][0]["text"]
    assert echoed.startswith("abc")


def test_the_usage_so_far_may_be_in_every_event(server):
    for path, prompt in (("/v1/chat/completions", {"messages": HELLO}),
                         ("/v1/completions", {"prompt": "abc"})):
        options = {"include_usage": True, "continuous_usage_stats": True}
        events = events_of(server, path, prompt | ROOMY | {"stream_options": options})
        counts = [event["usage"]["completion_tokens"] for event in events]
        assert counts == sorted(counts) and counts[-1] == 8
        assert len({event["usage"]["prompt_tokens"] for event in events}) == 1
        assert events[-1]["choices"] == []


def test_an_unknown_stream_option_is_refused(server):
    reply = server.post("/v1/completions", {"prompt": "a", "stream": True,
                                            "stream_options": {"include_usages": True}})
    assert reply.status_code == 400
    assert reply.json()["error"]["param"] == "stream_options.include_usages"


@pytest.mark.parametrize("logprobs", [None, 0, 2])
def test_no_tokens_score_the_prompt(server, logprobs):
    answer = complete(server, "abc", max_tokens=0, echo=True, logprobs=logprobs)
    [choice] = answer["choices"]
    assert (choice["text"], choice["finish_reason"]) == ("abc", "length")
    assert answer["usage"] == {"prompt_tokens": 3, "completion_tokens": 0, "total_tokens": 3,
                               "prompt_tokens_details": {"cached_tokens": 0}}
    if logprobs is not None:
        assert choice["logprobs"]["tokens"] == ["a", "b", "c"]
        more = complete(server, "abc", max_tokens=1, echo=True, logprobs=logprobs)["choices"][0]
        assert choice["logprobs"]["token_logprobs"] == more["logprobs"]["token_logprobs"][:3]


@pytest.mark.parametrize("logprobs", [0, 3])
def test_the_sampled_token_is_always_among_the_likeliest(server, logprobs):
    asked = {"logprobs": logprobs, "temperature": 2, "top_k": -1, "seed": 7, "max_tokens": 30}
    one = complete(server, "abc", **asked)["choices"][0]["logprobs"]
    for name, logprob, top in zip(one["tokens"], one["token_logprobs"], one["top_logprobs"]):
        assert top[name] == logprob and max(logprobs, 1) <= len(top) <= logprobs + 1


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("prompt", [[97, 257, 98, 256, 99], [0xC3, 0xA9, 97], [0x85, 97, 0xFF, 98]],
                         ids=["special", "two bytes", "broken"])
def test_text_and_offsets_of_an_echo_belong_together(server, prompt, stream):
    asked = {"prompt": prompt, "echo": True, "logprobs": 0} | ROOMY | {
        "logit_bias": {"257": 3.0}, "temperature": 1, "seed": 5, "skip_special_tokens": False}
    if stream:
        choices = [event["choices"][0] for event in events_of(server, "/v1/completions", asked)]
    else:
        choices = server.post("/v1/completions", asked).json()["choices"]
    text = "".join(choice["text"] for choice in choices)
    parts = [choice["logprobs"] for choice in choices if choice["logprobs"]]
    tokens = sum((part["tokens"] for part in parts), [])
    offsets = sum((part["text_offset"] for part in parts), [])
    assert len(tokens) == len(prompt) + 8 and offsets == sorted(offsets)
    for token, offset in zip(tokens, offsets):
        if not token.startswith("bytes:"):
            assert text[offset:].startswith(token), (token, offset, text)


def test_paths_without_the_version_are_the_same(server):
    versioned = chat(server)
    plain = server.post("/chat/completions", {"messages": HELLO} | ROOMY).json()
    assert text_of(plain) == text_of(versioned)
    assert server.post("/completions", {"prompt": "a"} | ROOMY).status_code == 200
    assert server.get("/models").json() == server.get("/v1/models").json()
    assert server.get("/models/fake").json() == server.get("/v1/models/fake").json()


def test_each_served_name_is_accepted_and_the_first_is_told(start_server):
    server = start_server("--served-model-name", "first", "--served-model-name", "second")
    listed = server.get("/v1/models").json()["data"]
    assert [(model["id"], model["root"]) for model in listed] == [("first", "first"),
                                                                  ("second", "first")]
    for name in ("first", "second"):
        answer = chat(server, model=name)
        assert answer["model"] == "first"
        assert server.get(f"/v1/models/{name}").json()["id"] == name
    missing = server.post("/v1/completions", {"model": "third", "prompt": "a"})
    assert missing.status_code == 404
    assert "first, second" in missing.json()["error"]["message"]
