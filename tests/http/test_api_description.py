"""/openapi.json is a sound document that says what the server does; /docs says the same to people."""

import html.parser
import re
import urllib.parse

import pytest
from openapi_spec_validator import validate

from puna_server import ROOT


@pytest.fixture(scope="module")
def document(server):
    return server.get("/openapi.json").json()


def request_schema(document, path):
    body = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
    return document["components"]["schemas"][body["$ref"].rpartition("/")[2]]


BODIES = {"/v1/chat/completions": {"messages": [{"role": "user", "content": "a"}], "max_tokens": 2,
                                   "logprobs": True},
          "/v1/completions": {"prompt": "a", "max_tokens": 2}}
# Their bounds fit only beside others, or with a flag of the server.
NOT_ALONE = {"n", "best_of", "min_tokens", "max_tokens", "max_completion_tokens",
             "truncate_prompt_tokens", "priority"}


def numbers(document, path):
    for name, field in request_schema(document, path)["properties"].items():
        for kind in field.get("anyOf", [field]):
            if kind.get("type") in ("integer", "number"):
                yield name, kind


def test_it_is_a_sound_openapi_document(document):
    validate(document)
    assert document["openapi"].startswith("3.1")


def test_every_path_answers(server, document):
    for path, operations in document["paths"].items():
        for method in operations:
            asked = path.replace("{model}", "fake")
            reply = server.request(method.upper(), asked, json={} if method == "post" else None)
            assert reply.status_code in (200, 400, 422), (path, reply.status_code)


@pytest.mark.parametrize("path", BODIES)
def test_numbers_are_held_to_the_ranges_it_says(server, document, path):
    tried = 0
    for name, kind in numbers(document, path):
        step = 0.5 if kind["type"] == "number" else 65536 if name == "seed" else 1
        outside = [kind[bound] + sign * step
                   for bound, sign in (("minimum", -1), ("maximum", 1)) if bound in kind]
        outside += [kind["exclusiveMinimum"]] if "exclusiveMinimum" in kind else []
        for value in outside:
            reply = server.post(path, BODIES[path] | {name: value})
            assert reply.status_code == 400, (name, value)
            assert reply.json()["error"]["param"] == name
            tried += 1
        for bound in ("minimum", "maximum"):
            if bound in kind and name not in NOT_ALONE:
                reply = server.post(path, BODIES[path] | {name: kind[bound]})
                assert reply.status_code == 200, (name, reply.text)
    assert tried > 15


@pytest.mark.parametrize("path", BODIES)
def test_every_field_refuses_another_type_by_name(server, document, path):
    for name, field in request_schema(document, path)["properties"].items():
        if field.get("description", "").startswith("Ignored"):
            assert server.post(path, BODIES[path] | {name: 5}).status_code == 200, name
            continue
        kinds = [kind.get("type", "several") for kind in field.get("anyOf", [field])]
        wrong = "x" if {"integer", "number"} & set(kinds) else 5
        reply = server.post(path, BODIES[path] | {name: wrong})
        assert reply.status_code == 400, (name, reply.text)
        assert reply.json()["error"]["param"] == name, (name, reply.text)


def test_null_is_absent_everywhere(server, document):
    for path, body in BODIES.items():
        nulls = {name: None for name in request_schema(document, path)["properties"]
                 if name not in ("messages", "prompt", "max_tokens")}
        assert server.post(path, body | nulls).status_code == 200


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.links, self.ids, self.codes = [], [], [], []
        self.in_code = False

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        attributes = dict(attributes)
        self.links += [attributes[name] for name in ("href", "src") if name in attributes]
        self.ids += [attributes["id"]] if "id" in attributes else []
        self.in_code = tag == "code"

    def handle_data(self, data):
        if self.in_code:
            self.codes.append(data)
        self.in_code = False


def test_the_page_has_all_fields_and_loads_nothing(server, document):
    reply = server.get("/docs")
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in reply.headers["content-security-policy"]
    page = Page()
    page.feed(reply.text)
    assert not {"script", "img", "link", "iframe"} & set(page.tags)
    for link in page.links:
        assert not urllib.parse.urlsplit(link).netloc
        assert link == "openapi.json" or link.removeprefix("#") in page.ids
    for path in BODIES:
        assert set(request_schema(document, path)["properties"]) <= set(page.codes)


def test_api_md_has_every_field_and_every_ignored_one(document):
    text = (ROOT / "docs/API.md").read_text()
    named = set(re.findall(r"`([a-z_0-9.]+)`", text))
    for path in BODIES:
        assert set(request_schema(document, path)["properties"]) <= named
    for name in document["components"]["schemas"]["StreamOptions"]["properties"]:
        assert f"stream_options.{name}" in named
    for path in document["paths"]:
        assert path.replace("{model}", "{id}") in text
