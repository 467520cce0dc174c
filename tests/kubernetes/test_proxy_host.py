"""The page behind a real nginx that is configured with one line: it sends a Host and keeps an Origin that differ."""

import pathlib
import socket
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / one) for one in ("python", "tests/kubernetes", "tests/http")]

from nginx_ingress import FRAME  # noqa: E402
from puna.local_cluster import end_with_parent  # noqa: E402
from puna_server import SOON, PunaServer, wait_until  # noqa: E402

CHAT = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 2}


def proxied(folder: pathlib.Path, server: PunaServer) -> tuple[subprocess.Popen[bytes], str]:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    # FRAME's own "location /" is for Ingress rules; a regular expression is matched before it.
    config = folder / "nginx.conf"
    config.write_text(FRAME.format(folder=folder, listen=f"127.0.0.1:{port}",
                                   locations=f"location ~ ^ {{ proxy_pass {server.url}; }}"))
    process = subprocess.Popen([ROOT / "build/nginx/usr/sbin/nginx", "-c", config, "-p", folder],
                               stderr=subprocess.DEVNULL, preexec_fn=end_with_parent)

    def is_there() -> bool:
        with socket.socket() as one:
            return one.connect_ex(("127.0.0.1", port)) == 0

    wait_until(is_there, SOON, "nginx listens")
    return process, f"http://localhost:{port}"


@pytest.fixture(params=[False, True], ids=["nothing is configured", "the origin is allowed"])
def site(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> Iterator[tuple[str, bool]]:
    flags = ["--allowed-origins", "*"] if request.param else []
    server = PunaServer(*flags)
    process, url = proxied(tmp_path, server)
    yield url, request.param
    process.terminate()
    process.wait(10)
    assert server.close() == 0


def test_the_page_comes_and_the_api_says_what_to_configure(site: tuple[str, bool]) -> None:
    url, allowed = site
    with httpx.Client(base_url=url, trust_env=False, headers={"Origin": url}) as page:
        for path in ("/", "/page-config.json"):
            assert page.get(path).status_code == 200
        reply = page.post("/v1/chat/completions", json=CHAT)
        assert reply.status_code == (200 if allowed else 403)
        if not allowed:
            message = reply.json()["error"]["message"]
            assert f"--allowed-origins {url}" in message and "proxy_set_header Host" in message
