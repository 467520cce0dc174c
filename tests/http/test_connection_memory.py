"""What the real program holds in memory while clients do their worst: bounded, whoever they are."""

import resource
import select
import socket

import pytest

from puna_server import PATIENCE, SOON, wait_until

MEGABYTE = 1 << 20
SANITIZED = PATIENCE > 1  # a sanitizer's own memory is in every figure


@pytest.fixture(autouse=True, scope="module")
def many_descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def send_most(connection: socket.socket, data: bytes) -> None:
    """As much as the server takes; it may have stopped listening."""
    try:
        connection.sendall(data)
    except (ConnectionError, TimeoutError):
        pass


def head(length: int, *fields: str) -> bytes:
    return ("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {length}\r\n" + "".join(field + "\r\n" for field in fields) + "\r\n").encode()


def test_bodies_of_strangers_are_not_read(start_server):
    server = start_server("--api-key", "k")
    server.get("/health")
    before = server.memory()
    connections = [server.connect() for _ in range(20)]
    for connection in connections:
        connection.sendall(head(10 * MEGABYTE))
    for connection in connections:
        send_most(connection, b" " * (9 * MEGABYTE))
        assert connection.recv(65536).startswith(b"HTTP/1.1 401")
    assert SANITIZED or server.memory("VmHWM") - before < 16 * MEGABYTE
    for connection in connections:
        connection.close()


def test_all_bodies_together_have_a_limit(start_server):
    server = start_server("--max-total-body-bytes", "25MiB")
    server.get("/health")
    before = server.memory()
    waiting = [server.connect() for _ in range(2)]
    for connection in waiting:
        connection.sendall(head(10 * MEGABYTE, "Expect: 100-continue"))
        assert connection.recv(65536).startswith(b"HTTP/1.1 100")
        connection.sendall(b" " * (9 * MEGABYTE))
    for _ in range(8):
        with server.connect() as refused:
            refused.sendall(head(10 * MEGABYTE, "Expect: 100-continue"))
            received = refused.recv(65536)
            assert received.startswith(b"HTTP/1.1 503") and b"\r\nRetry-After: " in received
            assert b"--max-total-body-bytes" in received
    assert server.post("/tokenize", {"prompt": "hi"}).status_code == 200
    assert SANITIZED or server.memory("VmHWM") - before < 40 * MEGABYTE
    waiting[0].close()
    wait_until(lambda: asks_for_body(server), SOON, "its bytes are given back")
    waiting[1].close()


def asks_for_body(server) -> bool:
    with server.connect() as connection:
        connection.sendall(head(10 * MEGABYTE, "Expect: 100-continue"))
        return connection.recv(65536).startswith(b"HTTP/1.1 100")


@pytest.mark.parametrize("value", ["{}", "[]", "1", '""', '{"a":0}'])
def test_a_body_of_many_small_values_is_refused_before_it_grows(start_server, value):
    server = start_server()
    server.get("/health")
    before = server.memory()
    body = '{"messages":[' + ",".join([value] * (9 * MEGABYTE // (len(value) + 1))) + "]}"
    answer = server.request("POST", "/v1/chat/completions", content=body,
                            headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert "more than 524288 values" in answer.json()["error"]["message"]
    assert SANITIZED or server.memory("VmHWM") - before < 160 * MEGABYTE


def test_chunks_count_as_they_come(start_server):
    server = start_server("--max-total-body-bytes", "1MiB", "--max-body-bytes", "1MiB")
    with server.connect() as holding, server.connect() as chunked:
        holding.sendall(head(900 << 10, "Expect: 100-continue"))
        assert holding.recv(65536).startswith(b"HTTP/1.1 100")
        chunked.sendall(head(0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked"))
        send_most(chunked, b"40000\r\n" + b" " * 0x40000 + b"\r\n0\r\n\r\n")
        assert b"--max-total-body-bytes" in chunked.recv(65536)


def test_a_body_may_be_as_large_as_it_may(start_server):
    server = start_server("--max-body-bytes", "100MiB")
    with server.connect() as connection:
        connection.sendall(head(99 * MEGABYTE, "Expect: 100-continue"))
        assert connection.recv(65536).startswith(b"HTTP/1.1 100")


def test_500_streams_take_little(start_server):
    server = start_server("--max-num-queued-reqs", "500", step_microseconds=2000)
    server.get("/health")
    before = server.memory()
    streams = [server.send_chat(max_tokens=30, stream=True) for _ in range(500)]
    for stream in streams:
        received = b""
        while not received.endswith(b"0\r\n\r\n"):
            piece = stream.recv(65536)
            assert piece, received
            received += piece
    assert SANITIZED or server.memory("VmHWM") - before < 500 * (128 << 10)
    for stream in streams:
        stream.close()


def test_idle_connections_take_little(start_server):
    server = start_server()
    server.get("/health")
    before = server.memory()
    connections = [server.connect() for _ in range(1000)]
    for connection in connections:  # each has been used for something large
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 30_000 + b"\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
    assert SANITIZED or server.memory() - before < 1000 * (24 << 10)
    for connection in connections:
        connection.close()


def test_readers_that_stand_still_take_little(start_server):
    """What a reader does not take waits in its socket and, as short text, in its stream."""
    server = start_server(step_microseconds=100)
    server.get("/health")
    before = server.memory()
    streams = [server.send_chat(max_tokens=4000, stream=True) for _ in range(20)]
    wait_until(lambda: server.metric("vllm:generation_tokens_total") > 20 * 3999, SOON, "all is generated")
    assert SANITIZED or server.memory("VmHWM") - before < 20 * 2 * MEGABYTE
    for stream in streams:
        stream.close()


def test_over_the_limit_of_connections_idle_ones_make_room(start_server):
    server = start_server("--max-connections", "5")
    idle = [server.connect() for _ in range(5)]
    for connection in idle:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        connection.recv(65536)
    for _ in range(3):
        assert server.get("/v1/models").status_code == 200
    closed, _, _ = select.select(idle, [], [], SOON)
    assert 1 <= len(closed) <= 3 and all(connection.recv(65536) == b"" for connection in closed)
    for connection in idle:
        connection.close()


def test_a_full_server_says_so_and_stays_healthy(start_server):
    server = start_server("--max-connections", "3", step_microseconds=20_000)
    streams = [server.send_chat(max_tokens=2000, stream=True) for _ in range(3)]
    for stream in streams:
        assert stream.recv(10)
    reply = server.get("/v1/models")
    assert reply.status_code == 503 and "--max-connections" in reply.json()["error"]["message"]
    assert reply.headers["connection"] == "close" and int(reply.headers["retry-after"]) >= 1
    for path in ("/health", "/ready", "/metrics"):
        assert server.get(path).status_code == 200
    for stream in streams:
        stream.close()
    wait_until(lambda: server.get("/v1/models").status_code == 200, SOON, "there is room again")
