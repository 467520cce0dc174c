"""Keys, Host, Origin and CORS: who may call, and the page that everybody may load."""

import json
import subprocess

import openai
import pytest

from conftest import make_client
from puna_server import BINARY, SOON, wait_until

GUARDED = ["/v1/models", "/v1/models/fake", "/infer?sentence=a", "/metrics", "/page-config.json"]
OPEN = ["/health", "/ready", "/version", "/"]


@pytest.fixture(scope="module")
def keyed(tmp_path_factory):
    from puna_server import PunaServer
    keys = tmp_path_factory.mktemp("keys") / "keys.txt"
    keys.write_text("# ours\nsecond-key\n\nthird-key\n")
    running = PunaServer("--api-key", "first-key", "--api-key-file", str(keys))
    running.keys = keys
    yield running
    assert running.close() == 0


def test_each_key_is_accepted(keyed):
    for key in ("first-key", "second-key", "third-key"):
        with make_client(keyed, key) as client:
            assert client.models.list().data


def test_the_file_is_read_again_when_it_changes_and_a_bad_one_changes_nothing(keyed):
    before = keyed.keys.read_text()

    def status(key: str) -> int:
        return keyed.get("/v1/models", headers={"Authorization": f"Bearer {key}"}).status_code

    def swap(text: str) -> None:
        new = keyed.keys.with_suffix(".new")
        new.write_text(text)
        new.rename(keyed.keys)

    swap("fourth-key name=shop\n")
    assert [status(key) for key in ("first-key", "second-key", "fourth-key")] == [200, 401, 200]
    swap("fourth-key rpm=5\n")
    assert status("fourth-key") == 200
    wait_until(lambda: any("unknown word rpm" in line for line in keyed.errors), SOON, "a line in the log")
    assert not any("fourth-key" in line for line in keyed.errors)
    swap(before)
    assert [status(key) for key in ("second-key", "fourth-key")] == [200, 401]


@pytest.mark.parametrize("path", GUARDED)
@pytest.mark.parametrize("authorization", [
    None, "", "first-key", "Bearer", "Bearer first-ke", "Bearer first-keyy",
    "Bearer # ours", "Basic first-key", "Bearer first-key,second-key"])
def test_anything_else_is_401(keyed, path, authorization):
    headers = {} if authorization is None else {"Authorization": authorization}
    reply = keyed.get(path, headers=headers)
    assert reply.status_code == 401 and reply.headers["www-authenticate"] == "Bearer"
    assert reply.json()["error"]["code"] == "invalid_api_key"


def test_a_wrong_key_is_an_authentication_error_of_the_client(keyed):
    with make_client(keyed, "wrong") as client, pytest.raises(openai.AuthenticationError):
        client.models.list()


@pytest.mark.parametrize("path", OPEN)
def test_what_needs_no_key(keyed, path):
    assert keyed.get(path).status_code == 200


def test_without_keys_any_key_is_fine(server):
    assert server.get("/v1/models", headers={"Authorization": "Bearer x"}).status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_other_machines_are_not_served_without_a_key(host):
    done = subprocess.run([BINARY, "serve", "--backend", "fake", "--port", "0", "--host", host],
                          capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    assert done.returncode == 1 and done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert all(word in done.stderr for word in (host, "--api-key", "--insecure-no-auth"))


@pytest.mark.parametrize("flags", [["--api-key", "k"], ["--insecure-no-auth"]])
def test_other_machines_are_served_when_asked_for(start_server, flags):
    server = start_server("--host", "0.0.0.0", *flags)
    assert server.url.startswith("http://0.0.0.0:")
    assert server.get("/health", headers={"Host": "example.org"}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example",
                                  "localhost.evil.example", "10.0.0.1"])
def test_a_name_that_is_not_ours_is_403(server, host):
    reply = server.get("/v1/models", headers={"Host": host})
    assert reply.status_code == 403 and "--allowed-origins" in reply.json()["error"]["message"]


@pytest.mark.parametrize("host", ["localhost", "localhost:1", "127.0.0.1", "127.1.2.3:80", "[::1]:5",
                                  "LOCALHOST", "LocalHost:8000", "localhost."])
def test_names_of_this_machine_are_ours(server, host):
    assert server.get("/v1/models", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["a b", "a/b", "user@localhost", "localhost?", "localhost#"])
def test_a_malformed_host_is_400(server, host):
    assert server.get("/v1/models", headers={"Host": host}).status_code == 400


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:1",
                                    "file://"])
def test_pages_of_other_origins_are_refused(server, origin):
    reply = server.post("/v1/chat/completions", {}, headers={"Origin": origin})
    assert reply.status_code == 403 and "access-control-allow-origin" not in reply.headers


def test_our_own_page_is_served(server):
    assert server.get("/v1/models", headers={"Origin": server.url}).status_code == 200


def test_an_allowed_origin_may_call(start_server):
    server = start_server("--allowed-origins", "https://shop.example")
    allowed = {"Origin": "https://shop.example"}
    reply = server.get("/v1/models", headers=allowed)
    assert reply.headers["access-control-allow-origin"] == "https://shop.example"
    assert "access-control-allow-credentials" not in reply.headers
    preflight = server.request("OPTIONS", "/v1/chat/completions", headers=allowed | {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type"})
    assert preflight.status_code == 204 and not preflight.content
    assert "POST" in preflight.headers["access-control-allow-methods"]
    assert "Authorization" in preflight.headers["access-control-allow-headers"]
    assert server.get("/v1/models", headers={"Origin": "https://other.example"}).status_code == 403


def test_a_page_may_send_what_its_client_sends(start_server):
    """OpenAI's JavaScript client sends headers of its own, and only names allow them."""
    server = start_server("--allowed-origins", "https://Shop.example/")
    sent = ["authorization", "content-type", "x-stainless-os", "x-stainless-retry-count", "openai-beta"]
    preflight = server.request("OPTIONS", "/v1/chat/completions", headers={
        "Origin": "https://shop.example", "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": ",".join(sent), "Access-Control-Request-Private-Network": "true"})
    allowed = preflight.headers["access-control-allow-headers"].lower().replace(" ", "").split(",")
    assert preflight.status_code == 204 and set(sent) <= set(allowed)
    assert preflight.headers["access-control-allow-private-network"] == "true"
    other = server.request("OPTIONS", "/v1/chat/completions", headers={
        "Origin": "https://other.example", "Access-Control-Request-Method": "POST"})
    assert other.status_code == 403 and "access-control-allow-headers" not in other.headers


@pytest.mark.parametrize("headers", [{"Host": "a.proxy.example"}, {"Origin": "https://a.example"}])
def test_the_page_comes_whatever_a_proxy_made_of_its_request(server, headers):
    for path in ("/", "/page-config.json", "/health"):
        assert server.get(path, headers=headers).status_code == 200
    refused = server.post("/v1/chat/completions", {}, headers=headers)
    message = refused.json()["error"]["message"]
    assert refused.status_code == 403 and "--allowed-origins http" in message


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer "])
def test_the_scheme_has_no_letter_case(keyed, scheme):
    assert keyed.get("/v1/models", headers={"Authorization": f"{scheme} first-key"}).status_code == 200


def test_a_wrong_key_is_told_from_a_missing_one(keyed):
    missing, wrong = (keyed.get("/v1/models", headers=headers).json()["error"]["message"]
                      for headers in ({}, {"Authorization": "Bearer x"}))
    assert "a key is needed" in missing and "invalid key" in wrong


@pytest.mark.parametrize("kind", ["Application/JSON", "APPLICATION/JSON; charset=UTF-8"])
def test_the_media_type_has_no_letter_case(server, kind):
    reply = server.request("POST", "/tokenize", content='{"prompt": "a"}', headers={"Content-Type": kind})
    assert reply.status_code == 200


def test_any_origin_when_asked_for(start_server):
    server = start_server("--allowed-origins", "*")
    reply = server.get("/v1/models", headers={"Origin": "https://a.example", "Host": "b.example"})
    assert reply.headers["access-control-allow-origin"] == "https://a.example"


def test_the_page_is_cached_compressed_and_shut_in(server):
    page = server.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-encoding"] == "gzip" and "<!doctype html>" in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert page.headers["x-content-type-options"] == "nosniff"
    again = server.get("/", headers={"If-None-Match": page.headers["etag"]})
    assert again.status_code == 304 and not again.content
    plain = server.get("/", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers and plain.text == page.text


def test_files_with_a_hash_in_their_name_never_change(server):
    page = server.get("/").text
    script = next(part for part in page.split('"') if part.endswith(".js"))
    reply = server.get("/" + script.lstrip("./"))
    assert reply.status_code == 200 and "immutable" in reply.headers["cache-control"]
    assert reply.headers["content-type"].startswith("text/javascript")


def test_the_page_learns_what_it_shows(start_server, tmp_path):
    (tmp_path / "prompt.txt").write_text("You are a fox.\n")
    (tmp_path / "examples.json").write_text('["Who are you?", "Where?"]')
    server = start_server("--page-title", "Foxes", "--system-prompt-file",
                          str(tmp_path / "prompt.txt"), "--examples-file",
                          str(tmp_path / "examples.json"), "--served-model-name", "fox-1")
    config = server.get("/page-config.json").json()
    assert (config["title"], config["model"]) == ("Foxes", "fox-1")
    assert config["system_prompt"] == "You are a fox."
    assert config["examples"] == ["Who are you?", "Where?"]
    assert config["max_model_len"] == 4096 and config["defaults"]["temperature"] == 1.0


def test_the_page_learns_the_operators_words_by_language(start_server, tmp_path):
    texts = {"zh-CN": {"title": "客服助手", "greeting": "您好！", "examples": ["订单在哪里？"]}}
    (tmp_path / "texts.json").write_text(json.dumps(texts))
    config = start_server("--page-texts-file", str(tmp_path / "texts.json")).get("/page-config.json").json()
    assert config["texts"] == texts and config["title"] == "Puna"


@pytest.mark.parametrize("flags", [
    ("--default-max-tokens", "7"), ("--n-predict", "7"),
    ("--override-generation-config", '{"max_new_tokens": 7}'),
    ("--override-generation-config", '{"max_new_tokens": 100}', "--default-max-tokens", "7")])
def test_the_operator_sets_how_long_answers_are_by_default(start_server, flags):
    server = start_server(*flags)
    assert server.get("/page-config.json").json()["defaults"]["max_tokens"] == 7
    question = {"messages": [{"role": "user", "content": "Tell me everything"}], "ignore_eos": True}
    for more, tokens in (({}, 7), ({"max_tokens": 9}, 9)):
        usage = server.post("/v1/chat/completions", question | more).json()["usage"]
        assert usage["completion_tokens"] == tokens


def test_request_ids_come_back_when_harmless(server):
    given = server.get("/health", headers={"X-Request-Id": "abc-1.2_3"})
    assert given.headers["x-request-id"] == "abc-1.2_3"
    for bad in ("a b", "x" * 129, "é"):
        reply = server.get("/health", headers={"X-Request-Id": bad.encode()})
        assert reply.headers["x-request-id"].startswith("req-")
