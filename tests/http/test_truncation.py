"""A conversation that is too long: refused, or shortened and said so."""

import json

import pytest

SYSTEM = {"role": "system", "content": "You help."}
TURN = [{"role": "user", "content": "Where is my order?"},
        {"role": "assistant", "content": "On its way. " * 4}]
LONG = [SYSTEM, *TURN * 100, {"role": "user", "content": "And now?"}]


def ask(server, messages=LONG, **fields):
    return server.post("/v1/chat/completions",
                       {"messages": messages, "max_tokens": 5, "seed": 1, "ignore_eos": True, **fields})


def test_it_is_refused_by_default(server):
    reply = ask(server)
    assert reply.status_code == 400
    assert reply.json()["error"]["code"] == "context_length_exceeded"


@pytest.mark.parametrize("by_flag", [False, True])
def test_the_oldest_turns_go_and_the_answer_says_how_many(start_server, by_flag):
    server = start_server(*(["--truncation", "drop_oldest_turns"] if by_flag else []))
    fields = {} if by_flag else {"truncation": "drop_oldest_turns"}
    answer = ask(server, **fields).json()
    dropped = answer["dropped_messages"]
    assert 0 < dropped < 200 and dropped % 2 == 0
    kept = ask(server, [SYSTEM, *LONG[1 + dropped:]], truncation="disabled").json()
    assert kept["usage"]["prompt_tokens"] == answer["usage"]["prompt_tokens"]
    assert kept["choices"] == answer["choices"] and "dropped_messages" not in kept
    assert ask(server, truncation="disabled").status_code == 400
    streamed = ask(server, stream=True, **fields).text
    first = json.loads(streamed.partition("\n")[0].removeprefix("data: "))
    assert first["dropped_messages"] == dropped


def test_wrong_values_are_refused(server):
    for fields in ({"truncation": "auto"}, {"truncation": 5},
                   {"truncation": "drop_oldest_turns", "truncate_prompt_tokens": 5}):
        reply = ask(server, **fields)
        assert reply.status_code == 400 and reply.json()["error"]["param"] == "truncation"
