"""The Ingress rules in a real nginx before the real server: the seed's paths, streams, and long answers.

Answers of 65 and 185 s, longer than nginx's own limit and than the seed's page waits, run with `--long`
(make test-kubernetes).
"""

import json
import pathlib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import httpx
import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / one) for one in ("python", "tests/kubernetes", "tests/http")]

from nginx_ingress import nginx_config  # noqa: E402
from puna.local_cluster import end_with_parent  # noqa: E402
from puna_server import SOON, PunaServer, wait_until  # noqa: E402

RULES = ROOT / "deploy/kubernetes/components/ingress/ingress.yaml"
STEP_S = 0.1


class Ingress:
    """nginx on a free port; `ports` leads ports of Services to ports of this machine."""

    def __init__(self, folder: pathlib.Path, ports: dict[int, int]) -> None:
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            listen = f"127.0.0.1:{one.getsockname()[1]}"
        self.url = f"http://{listen}"
        config = folder / "nginx.conf"
        config.write_text(nginx_config(yaml.safe_load_all(RULES.read_text()),
                                       lambda _, port: f"127.0.0.1:{ports[port]}", listen, folder))
        self.process = subprocess.Popen([ROOT / "build/nginx/usr/sbin/nginx", "-c", config, "-p", folder],
                                        stderr=subprocess.PIPE, text=True, preexec_fn=end_with_parent)
        wait_until(self.is_there, SOON, "nginx listens")

    def is_there(self) -> bool:
        assert self.process.poll() is None, self.process.stderr and self.process.stderr.read()
        with socket.socket() as one:
            return one.connect_ex(("127.0.0.1", int(self.url.rpartition(":")[2]))) == 0

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(10)


@pytest.fixture(scope="module")
def server() -> Iterator[PunaServer]:
    running = PunaServer("--fake-endless", step_microseconds=int(STEP_S * 1e6))
    yield running
    assert running.close() == 0, running.errors


@pytest.fixture(scope="module")
def ingress(server: PunaServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ingress]:
    running = Ingress(tmp_path_factory.mktemp("nginx"), {8000: server.port, 8265: server.port})
    yield running
    running.close()


def get(url: str, timeout: float = 60) -> httpx.Response:
    return httpx.get(url, timeout=timeout, trust_env=False)


def test_the_seeds_paths_lead_to_the_server(ingress):
    assert get(f"{ingress.url}/serve/infer?sentence=hi%20there&max_tokens=2").json()[0]
    assert get(f"{ingress.url}/serve/v1/models").json()["object"] == "list"
    page = get(f"{ingress.url}/serve/")
    assert page.status_code == 200 and "text/html" in page.headers["content-type"]
    assert get(f"{ingress.url}/dashboard/health").json() == {"status": "ok"}


def test_a_path_without_its_last_slash_works_and_others_do_not(ingress):
    assert get(f"{ingress.url}/serve").status_code == 200
    assert get(f"{ingress.url}/dashboard").status_code == 200
    assert get(f"{ingress.url}/served").status_code == 404
    assert get(f"{ingress.url}/infer?sentence=hi").status_code == 404


def test_a_stream_is_not_held_back(ingress, server):
    body = {"messages": [{"role": "user", "content": "hi"}], "stream": True, "max_tokens": 1000}
    with httpx.stream("POST", f"{ingress.url}/serve/v1/chat/completions", json=body, timeout=60,
                      trust_env=False) as answer:
        events = (line for line in answer.iter_lines() if line.startswith("data: {"))
        for _ in range(5):
            json.loads(next(events).removeprefix("data: "))
        assert server.metric("vllm:num_requests_running") == 1, "events come as they are made"
    wait_until(lambda: server.metric("vllm:num_requests_running") == 0, SOON, "it ends with its client")


def test_a_client_that_leaves_is_noticed_behind_the_proxy(ingress, server):
    with pytest.raises(httpx.ReadTimeout):
        get(f"{ingress.url}/serve/infer?sentence=hi&max_tokens=1000", timeout=0.5)
    wait_until(lambda: server.metric("vllm:num_requests_running") == 0, SOON, "its answer ends")


@pytest.mark.long
def test_answers_of_65_and_185_seconds_come_whole(ingress):
    """Each length twice: silent until its end, and as a stream."""
    failures: list[str] = []

    def ask(length: int, stream: bool) -> None:
        body = {"messages": [{"role": "user", "content": "hi"}], "stream": stream,
                "max_tokens": int(length / STEP_S)}
        began = time.monotonic()
        answer = httpx.post(f"{ingress.url}/serve/v1/chat/completions", json=body, timeout=2 * length,
                            trust_env=False)
        whole = answer.text.endswith("data: [DONE]\n\n") if stream else "usage" in answer.json()
        if answer.status_code != 200 or not whole or time.monotonic() - began < length * 0.9:
            failures.append(f"{length} s, stream {stream}: {answer.status_code} {answer.text[-200:]}")

    threads = [threading.Thread(target=ask, args=(length, stream))
               for length in (65, 185) for stream in (False, True)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert failures == []
