"""Limits of keys: who is refused, when to come back, and what the headers say."""

import openai
import pytest

from conftest import make_client
from puna_server import PunaServer

MESSAGES = [{"role": "user", "content": "hi"}]
# Nothing of a minute's limit comes back while a test runs.
KEYS = """few name=few requests-per-minute=2
tokens name=tokens tokens-per-minute=100
one name=one max-concurrent=1
free
"""


@pytest.fixture(scope="module")
def limited(tmp_path_factory):
    keys = tmp_path_factory.mktemp("keys") / "keys"
    keys.write_text(KEYS)
    running = PunaServer("--api-key-file", str(keys))
    yield running
    assert running.close() == 0, running.errors


def ask(server: PunaServer, key: str, **fields: object):
    return server.post("/v1/chat/completions", {"messages": MESSAGES, "max_tokens": 1, **fields},
                       headers={"Authorization": f"Bearer {key}"})


def limits_of(reply) -> dict[str, str]:
    return {name.removeprefix("x-ratelimit-"): value for name, value in reply.headers.items()
            if name.startswith("x-ratelimit-")}


def test_requests_of_a_minute(limited):
    looked = limited.get("/v1/models", headers={"Authorization": "Bearer few"})
    assert limits_of(looked) == {"limit-requests": "2", "remaining-requests": "2", "reset-requests": "0s"}
    broken = limited.post("/v1/chat/completions", {}, headers={"Authorization": "Bearer few"})
    assert broken.status_code == 400 and limits_of(broken)["remaining-requests"] == "1"
    with make_client(limited, "few") as client:
        stream = client.chat.completions.with_raw_response.create(
            model="fake", messages=MESSAGES, max_tokens=1, stream=True)
        assert limits_of(stream)["remaining-requests"] == "0"
        assert [one for one in stream.parse()]
        with pytest.raises(openai.RateLimitError) as refused:
            client.chat.completions.create(model="fake", messages=MESSAGES, max_tokens=1)
    reply = refused.value.response
    error = reply.json()["error"]
    assert (error["type"], error["code"]) == ("rate_limit_error", "rate_limit_exceeded")
    assert "few may make 2 requests a minute" in error["message"]
    assert 25 <= int(reply.headers["retry-after"]) <= 30
    assert limits_of(reply)["limit-requests"] == "2" and reply.headers.get_list("x-ratelimit-limit-requests") == ["2"]
    assert ask(limited, "free").status_code == 200 and not limits_of(ask(limited, "free"))


def test_tokens_of_a_minute(limited):
    used = ask(limited, "tokens", max_tokens=50, ignore_eos=True)
    total = used.json()["usage"]["total_tokens"]
    assert 100 - total <= int(limits_of(used)["remaining-tokens"]) <= 100 - total + 3
    refused = ask(limited, "tokens", max_tokens=50)
    assert refused.status_code == 429 and 1 <= int(refused.headers["retry-after"]) <= 60
    assert "x-should-retry" not in refused.headers
    for_good = ask(limited, "tokens", max_tokens=100)
    assert for_good.status_code == 429 and for_good.headers["x-should-retry"] == "false"
    assert "retry-after" not in for_good.headers and "ask for fewer" in for_good.json()["error"]["message"]


def test_one_request_at_a_time_means_that_the_next_may_follow_the_last_byte(limited):
    for stream in (False, True) * 5:
        assert ask(limited, "one", stream=stream).status_code == 200
