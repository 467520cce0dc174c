"""A chat answer from a Puna server, piece by piece: over `/v1/chat/completions` or a plain `/infer`.

Every failure is a ChatError whose text can be shown to the person who asked.
"""

import asyncio
import dataclasses
import importlib
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

import httpx

CONNECT_TIMEOUT_S = 10.0
# The seed's client waits as long: for the first piece, and from each piece to the next.
TIMEOUT_S_DEFAULT = 180.0
ERROR_WORDS_MAX = 500
Filter = Callable[[str], str]
Message = dict[str, str]


class ChatError(Exception):
    """Why there is no answer, or no more of it."""


@dataclasses.dataclass(frozen=True)
class Service:
    """Where answers come from; `from_environment` keeps the seed's variables."""

    url: str = "http://localhost:8000"
    endpoint: str = "/v1/chat/completions"
    api_key: str = ""
    model: str = ""
    timeout_s: float = TIMEOUT_S_DEFAULT

    @staticmethod
    def from_environment(environment: Mapping[str, str]) -> "Service":
        timeout = environment.get("PUNA_ANSWER_TIMEOUT_S") or str(TIMEOUT_S_DEFAULT)
        try:
            timeout_s = float(timeout)
        except ValueError:
            raise ChatError(f"PUNA_ANSWER_TIMEOUT_S is {timeout!r}, and must be a number") from None
        return Service(
            url=(environment.get("SERVICE_NAME") or Service.url).rstrip("/"),
            endpoint="/" + (environment.get("MODEL_ENDPOINT") or Service.endpoint).lstrip("/"),
            api_key=environment.get("PUNA_API_KEY", ""),
            model=environment.get("PUNA_SERVED_MODEL_NAME", ""),
            timeout_s=timeout_s)

    @property
    def is_infer(self) -> bool:
        """The seed's endpoint: one sentence in, one text out, no conversation."""
        return self.endpoint.rstrip("/").endswith("/infer")


def load_filter(name: str) -> Filter:
    """The function `module:function` that every shown text goes through; none without a name."""
    if not name:
        return lambda text: text
    module, _, function = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as failure:
        raise ChatError(f"PUNA_ANSWER_FILTER {name}: {failure}; it must be module:function") from None
    if not callable(found):
        raise ChatError(f"PUNA_ANSWER_FILTER {name} is not a function")
    return lambda text: str(found(text))


def open_client(service: Service) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {service.api_key}"} if service.api_key else {}
    # The time limit is kept here, on pieces of text: a server's keep-alive lines are not an answer.
    return httpx.AsyncClient(base_url=service.url, headers=headers, trust_env=False,
                             timeout=httpx.Timeout(None, connect=CONNECT_TIMEOUT_S))


def refusal(status: int, body: bytes) -> ChatError:
    """The server's own words, whatever shape it gives them."""
    try:
        error = json.loads(body)["error"]
        words = error["message"] if isinstance(error, dict) else str(error)
    except (ValueError, KeyError, TypeError):
        words = body.decode("utf-8", "replace").strip() or "no reason given"
    return ChatError(f"The server answered {status}: {words[:ERROR_WORDS_MAX]}")


async def answer(client: httpx.AsyncClient, service: Service, messages: Sequence[Message],
                 max_tokens: int, temperature: float) -> AsyncIterator[str]:
    """Yields the answer so far, longer each time; raises ChatError."""
    pieces = (infer_pieces(client, service, messages[-1]["content"], max_tokens, temperature)
              if service.is_infer else
              chat_pieces(client, service, messages, max_tokens, temperature))
    text = ""
    try:
        while True:
            try:
                async with asyncio.timeout(service.timeout_s):
                    text += await anext(pieces)
            except StopAsyncIteration:
                return
            yield text
    except TimeoutError:
        raise ChatError(f"No answer came within {service.timeout_s:g} seconds.") from None
    except httpx.ConnectError:
        raise ChatError(f"The server at {service.url} cannot be reached.") from None
    except httpx.HTTPError:
        raise ChatError("The connection to the server was lost.") from None
    finally:
        await pieces.aclose()


async def chat_pieces(client: httpx.AsyncClient, service: Service, messages: Sequence[Message],
                      max_tokens: int, temperature: float) -> Any:
    body: dict[str, Any] = {"messages": list(messages), "stream": True, "max_tokens": max_tokens,
                            "temperature": temperature}
    if service.model:
        body["model"] = service.model
    async with client.stream("POST", service.endpoint, json=body) as reply:
        if reply.status_code != 200:
            raise refusal(reply.status_code, await reply.aread())
        async for line in reply.aiter_lines():
            if not line.startswith("data:"):
                continue
            data = line.removeprefix("data:").strip()
            if data == "[DONE]":
                return
            event = json.loads(data)
            if "error" in event:
                raise ChatError(str(event["error"].get("message", event["error"])))
            for choice in event.get("choices", [])[:1]:
                if piece := choice.get("delta", {}).get("content"):
                    yield piece
    raise ChatError("The answer was cut short.")


async def infer_pieces(client: httpx.AsyncClient, service: Service, sentence: str,
                       max_tokens: int, temperature: float) -> Any:
    reply = await client.get(service.endpoint, params={
        "sentence": sentence, "max_tokens": max_tokens, "temperature": temperature})
    try:
        body = reply.json() if reply.status_code == 200 else None
    except ValueError:
        body = None
    # The seed's server reports a failure as 200 with an object.
    if not (isinstance(body, list) and body and isinstance(body[0], str)):
        raise refusal(reply.status_code, reply.content)
    yield body[0].removeprefix(sentence).lstrip("\n ")
