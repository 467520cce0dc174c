"""HTTP/1.1 itself, byte for byte: keep-alive, pipelining, limits, malformed requests, slow clients."""

import socket

import pytest

from puna_server import PATIENCE

HEALTH = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"


def read_reply(connection: socket.socket, rest: bytes = b"") -> tuple[bytes, bytes, bytes]:
    """(status line and headers, body, what came after it)"""
    while b"\r\n\r\n" not in rest:
        piece = connection.recv(65536)
        assert piece, f"closed after {rest!r}"
        rest += piece
    head, _, rest = rest.partition(b"\r\n\r\n")
    lengths = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    length = int(lengths[0].split(b":")[1]) if lengths else 0
    while len(rest) < length:
        piece = connection.recv(65536)
        assert piece, "closed inside the body"
        rest += piece
    return head, rest[:length], rest[length:]


def exchange(server, request: bytes) -> bytes:
    """Everything that comes until the server closes."""
    with server.connect() as connection:
        connection.sendall(request)
        received = b""
        while piece := connection.recv(65536):
            received += piece
        return received


def chat(body: bytes) -> bytes:
    return (b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


def test_a_connection_carries_many_requests(server):
    with server.connect() as connection:
        for _ in range(50):
            connection.sendall(HEALTH)
            head, body, rest = read_reply(connection)
            assert head.startswith(b"HTTP/1.1 200") and body == b'{"status":"ok"}' and rest == b""


def test_a_thousand_pipelined_requests_are_answered_in_order(server):
    with server.connect() as connection:
        for number in range(1000):
            connection.sendall(HEALTH.replace(b"Host", b"X-Request-Id: n%d\r\nHost" % number))
        rest = b""
        for number in range(1000):
            head, _, rest = read_reply(connection, rest)
            assert b"X-Request-Id: n%d\r\n" % number in head


@pytest.mark.parametrize("stream", [b"false", b"true"])
def test_a_request_sent_during_an_answer_waits_for_its_turn(server, stream):
    body = (b'{"messages": [{"role": "user", "content": "a"}], "max_tokens": 200, "stream": ' +
            stream + b"}")
    received = exchange(server, chat(body) + HEALTH.replace(b"\r\n\r\n",
                                                            b"\r\nConnection: close\r\n\r\n"))
    assert received.count(b"HTTP/1.1 200") == 2
    assert received.endswith(b'{"status":"ok"}')


def test_a_stream_keeps_the_connection(server):
    body = b'{"messages": [{"role": "user", "content": "a"}], "max_tokens": 3, "stream": true}'
    with server.connect() as connection:
        connection.sendall(chat(body))
        received = b""
        while not received.endswith(b"\r\n0\r\n\r\n"):
            piece = connection.recv(65536)
            assert piece
            received += piece
        assert b"Transfer-Encoding: chunked" in received
        connection.sendall(HEALTH)
        assert read_reply(connection)[1] == b'{"status":"ok"}'


def test_http_1_0_gets_a_stream_that_ends_with_the_connection(server):
    body = b'{"messages": [{"role": "user", "content": "a"}], "max_tokens": 3, "stream": true}'
    received = exchange(server, chat(body).replace(b"HTTP/1.1", b"HTTP/1.0"))
    assert b"Transfer-Encoding" not in received
    assert received.endswith(b"data: [DONE]\n\n")


def test_head_has_the_headers_of_get_and_no_body(server):
    with server.connect() as connection:
        connection.sendall(b"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n" + HEALTH)
        received = b""
        while b'{"status":"ok"}' not in received:
            received += connection.recv(65536)
    head, _, rest = received.partition(b"\r\n\r\n")
    assert b"Content-Type: text/html" in head and b"Content-Length: 0" not in head
    assert rest.startswith(b"HTTP/1.1 200")


def test_a_body_on_get_is_not_the_next_request(server):
    smuggled = b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n"
    request = HEALTH.replace(b"\r\n\r\n", b"\r\nContent-Length: %d\r\n\r\n" % len(smuggled))
    received = exchange(server, request + smuggled + HEALTH.replace(
        b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    assert received.count(b"HTTP/1.1 ") == 2 and b'"object"' not in received


def test_chunked_bodies_are_read(server):
    head = chat(b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    received = exchange(server, head.replace(b"Host", b"Connection: close\r\nHost") +
                        b"5\r\n{\"mes\r\n9\r\nsages\":5}\r\n0\r\n\r\n")
    assert received.startswith(b"HTTP/1.1 400") and b'"param":"messages"' in received


def test_expect_continue_is_answered(server):
    with server.connect() as connection:
        connection.sendall(chat(b"{}").replace(b"Host", b"Expect: 100-continue\r\nHost")[:-2])
        head, _, _ = read_reply(connection)
        assert head == b"HTTP/1.1 100 Continue"
        connection.sendall(b"{}")
        assert read_reply(connection)[0].startswith(b"HTTP/1.1 400")


def test_an_expectation_nobody_can_meet_is_417(server):
    assert exchange(server, chat(b"{}").replace(b"Host", b"Expect: a-miracle\r\nHost")).startswith(
        b"HTTP/1.1 417")


@pytest.mark.parametrize("request_bytes", [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
    b"GET\r\n\r\n", b"GET / HTTP/2.0\r\n\r\n", b"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"G\x00T / HTTP/1.1\r\nHost: a\r\n\r\n", b"GET / HTTP/1.1\r\nHost : localhost\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\nX: y\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nX: a\x00b\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: +5\r\n\r\nhello",
    b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0x5\r\n\r\nhello",
    b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 18446744073709551616\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"fffffffffffffffff\r\n",
])
def test_a_malformed_request_is_400_and_the_end(server, request_bytes):
    received = exchange(server, request_bytes)
    assert received.startswith(b"HTTP/1.1 400"), received
    assert b"Connection: close" in received and b'{"error":{"message":' in received
    assert server.get("/health").status_code == 200


@pytest.mark.parametrize("encoding", [b"gzip", b"chunked, identity", b"xchunked"])
def test_an_unknown_transfer_encoding_is_never_a_body_of_unknown_length(server, encoding):
    received = exchange(server, b"POST /tokenize HTTP/1.1\r\nHost: localhost\r\n"
                        b"Content-Type: application/json\r\nTransfer-Encoding: " + encoding +
                        b"\r\n\r\n" + HEALTH)
    assert received.startswith((b"HTTP/1.1 400", b"HTTP/1.1 501"))
    assert b'"status":"ok"' not in received


@pytest.mark.parametrize("header", [b"X: " + b"y" * 100_000, b"X: y\r\n" * 10_000 + b"Z: z"],
                         ids=["one large", "many"])
def test_headers_over_the_limit_are_431(server, header):
    received = exchange(server, HEALTH.replace(b"\r\n\r\n", b"\r\n" + header + b"\r\n\r\n"))
    assert received.startswith(b"HTTP/1.1 431") and b"32768" in received


def test_a_request_line_over_the_limit_is_refused(server):
    received = exchange(server, b"GET /infer?sentence=" + b"x" * 100_000 +
                        b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert received.startswith(b"HTTP/1.1 431")


def test_a_chunked_body_over_the_limit_is_413(server):
    head = chat(b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    piece = b"100000\r\n" + b" " * (1 << 20) + b"\r\n"
    received = exchange(server, head + piece * 12 + b"0\r\n\r\n")
    assert received.startswith(b"HTTP/1.1 413")


def test_paths_are_not_normalised_into_others(server):
    for path in (b"/assets/../index.html", b"/v1/./models", b"/%2e%2e/etc/passwd", b"\\", b"*"):
        received = exchange(server, b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\n"
                            b"Connection: close\r\n\r\n")
        assert received.startswith((b"HTTP/1.1 404", b"HTTP/1.1 400")), path


def test_an_absolute_target_is_its_path(server):
    assert exchange(server, b"GET http://localhost/health HTTP/1.1\r\nHost: localhost\r\n"
                    b"Connection: close\r\n\r\n").startswith(b"HTTP/1.1 200")


def test_connect_and_trace_are_405(server):
    for method in (b"TRACE", b"CONNECT", b"BREW"):
        assert exchange(server, method + b" /health HTTP/1.1\r\nHost: localhost\r\n"
                        b"Connection: close\r\n\r\n").startswith(b"HTTP/1.1 405")


def test_clients_that_dawdle_over_the_header_do_not_disturb_others(server):
    dawdling = [server.connect() for _ in range(200)]
    for connection in dawdling:
        connection.sendall(b"GET /health HT")
    assert server.get("/health").status_code == 200
    # None of them had to be given up for that.
    for connection in dawdling:
        connection.setblocking(False)
        with pytest.raises(BlockingIOError):
            connection.recv(1)
        connection.close()


def test_a_header_that_never_ends_is_given_up(server):
    with server.connect() as connection:
        connection.settimeout(60 * PATIENCE)
        connection.sendall(b"GET /health HT")
        assert connection.recv(65536) == b""
