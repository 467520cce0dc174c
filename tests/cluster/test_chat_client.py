"""The Gradio page's client against the real binary and against servers that misbehave."""

import asyncio
import contextlib
import http.server
import threading
from collections.abc import Iterator

import pytest

from puna.chat_client import ChatError, Service, answer, load_filter, open_client
from puna_server import PunaServer


def ask(service: Service, *messages: str) -> list[str]:
    """All states of the answer to one question."""
    async def run() -> list[str]:
        async with open_client(service) as client:
            said = [{"role": "user", "content": text} for text in messages or ("hi",)]
            return [text async for text in answer(client, service, said, 20, 0.0)]
    return asyncio.run(run())


@contextlib.contextmanager
def server(body: bytes, status: int = 200, hang: bool = False) -> Iterator[str]:
    release = threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()
            if hang:
                release.wait(20)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{running.server_port}"
        finally:
            release.set()
            running.shutdown()
            thread.join()


def test_an_answer_grows_to_what_the_api_says(direct: PunaServer):
    states = ask(Service(direct.url))
    body = {"messages": [{"role": "user", "content": "hi"}], "temperature": 0, "max_tokens": 20}
    reply = direct.post("/v1/chat/completions", body).json()
    assert states[-1] == reply["choices"][0]["message"]["content"]
    assert len(states) > 1 and all(later.startswith(earlier) for earlier, later in zip(states, states[1:]))


def test_the_seeds_endpoint_is_asked_for_one_sentence(direct: PunaServer):
    states = ask(Service(direct.url, endpoint="/infer"), "hello")
    plain = direct.get("/infer?sentence=hello&temperature=0&max_tokens=20&echo=false").json()
    assert states == [plain[0].lstrip("\n ")]


def test_a_key_is_sent():
    keyed = PunaServer("--api-key", "secret")
    try:
        with pytest.raises(ChatError, match="The server answered 401"):
            ask(Service(keyed.url))
        assert ask(Service(keyed.url, api_key="secret"))
    finally:
        keyed.close()


@pytest.mark.parametrize(("body", "status", "words"), [
    (b'{"error": {"message": "the queue is full"}}', 503, "The server answered 503: the queue is full"),
    (b"<html>Bad gateway</html>", 502, "The server answered 502: <html>Bad gateway"),
    (b"", 500, "The server answered 500: no reason given"),
    (b'data: {"choices": [{"delta": {"content": "half"}}]}\n\n', 200, "The answer was cut short"),
    (b'data: {"error": {"message": "lost"}}\n\ndata: [DONE]\n\n', 200, "lost"),
])
def test_failures_are_told_in_words(body, status, words):
    with server(body, status) as url, pytest.raises(ChatError, match=words):
        ask(Service(url))


@pytest.mark.parametrize(("body", "words"), [
    (b'{"error": "Inference failed"}', "Inference failed"), (b"[]", r"200: \[\]"), (b"hm", "200: hm")])
def test_the_seeds_failures_with_status_200_are_failures(body, words):
    with server(body) as url, pytest.raises(ChatError, match=words):
        ask(Service(url, endpoint="/infer"))


def test_silence_ends_after_the_time_limit_also_when_a_server_only_keeps_alive():
    with server(b": ping\n\n", hang=True) as url, pytest.raises(ChatError, match="within 0.3 seconds"):
        ask(Service(url, timeout_s=0.3))


def test_a_server_that_is_not_there_is_named():
    with pytest.raises(ChatError, match="http://127.0.0.1:9 cannot be reached"):
        ask(Service("http://127.0.0.1:9"))


def test_the_environment_of_the_seed():
    service = Service.from_environment({"SERVICE_NAME": "http://svc:8000/", "MODEL_ENDPOINT": "infer"})
    assert (service.url, service.endpoint, service.is_infer) == ("http://svc:8000", "/infer", True)
    assert Service.from_environment({}) == Service()
    assert Service().timeout_s == 180
    with pytest.raises(ChatError, match="PUNA_ANSWER_TIMEOUT_S is 'x'"):
        Service.from_environment({"PUNA_ANSWER_TIMEOUT_S": "x"})


def test_a_filter_is_a_function_of_a_module():
    assert load_filter("answer_filter:loud")("hi") == "HI"
    assert load_filter("")("hi") == "hi"
    for wrong in ("nowhere:f", "answer_filter:none", "answer_filter", "answer_filter:__name__"):
        with pytest.raises(ChatError, match="PUNA_ANSWER_FILTER"):
            load_filter(wrong)
