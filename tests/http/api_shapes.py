"""Answers held against the server's own /openapi.json: every reply that a test gets is checked."""

import functools
import json

import httpx
import jsonschema
from referencing import Registry, Resource

VERSIONED = ("/chat/completions", "/completions", "/models")


parsed = functools.cache(json.loads)


@functools.cache
def validator(document: str, schema: str) -> jsonschema.Draft202012Validator:
    root = Resource.from_contents(parsed(document) | {
        "$schema": "https://json-schema.org/draft/2020-12/schema"})
    registry = Registry().with_resource("urn:api", root)
    return jsonschema.Draft202012Validator({"$ref": "urn:api" + schema}, registry=registry)


def described_path(paths: dict, path: str) -> str | None:
    """The key of `paths` that answers `path`, None for one that is not described."""
    path = path.partition("?")[0]
    if path.startswith(VERSIONED):
        path = "/v1" + path
    if path.startswith("/v1/models/"):
        return "/v1/models/{model}"
    return path if path in paths else None


def schema_of(document: dict, method: str, path: str, status: int, media_type: str) -> str | None:
    key = described_path(document["paths"], path)
    operation = document["paths"].get(key, {}).get(method.lower())
    if status >= 400:
        return "#/components/schemas/ErrorResponse"
    if operation is None or status != 200:
        return None
    content = operation["responses"]["200"]["content"]
    assert media_type in content, f"{method} {path} answers {media_type}, which is not described"
    return content[media_type]["schema"].get("$ref")


def check_reply(document: str, method: str, path: str, reply: httpx.Response) -> None:
    media_type = reply.headers.get("content-type", "").partition(";")[0]
    schema = schema_of(parsed(document), method, path, reply.status_code, media_type)
    if schema is None or method == "HEAD":
        return
    if media_type == "application/json":
        validator(document, schema).validate(reply.json())
    elif media_type == "text/event-stream":
        for line in reply.text.split("\n"):
            if line.startswith("data: {"):
                event = json.loads(line.removeprefix("data: "))
                failed = "#/components/schemas/ErrorResponse" if "error" in event else schema
                validator(document, failed).validate(event)
