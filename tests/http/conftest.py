"""Fixtures: a fast server that all tests share, and servers of a test's own."""

import openai
import pytest

from puna_server import NO_CERTIFICATES, PATIENCE, PunaServer


@pytest.fixture(scope="session")
def server():
    """Answers at once. Tests must leave nothing running in it."""
    running = PunaServer()
    yield running
    assert running.close() == 0, running.errors


@pytest.fixture
def start_server():
    """Starts servers with flags of their own; each ends in order after the test."""
    started: list[PunaServer] = []

    def start(*flags: str, **options) -> PunaServer:
        started.append(PunaServer(*flags, **options))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            assert one.close() == 0, one.errors


def make_client(server: PunaServer, key: str = "none", max_retries: int = 0) -> openai.OpenAI:
    return openai.OpenAI(base_url=server.url + "/v1", api_key=key, max_retries=max_retries,
                         timeout=60 * PATIENCE,
                         http_client=openai.DefaultHttpxClient(verify=NO_CERTIFICATES))


@pytest.fixture
def client(server):
    with make_client(server) as one:
        yield one
