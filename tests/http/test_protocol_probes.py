"""What RFC 9110 and 9112 say of requests, as a table of raw bytes and of what may answer them."""

import re
import socket

import pytest
from prometheus_client.parser import text_string_to_metric_families

from puna_server import PATIENCE
from test_protocol import HEALTH, chat, exchange

CLOSE = b"Connection: close\r\n"
HOST = b"Host: localhost\r\n"
GET = b"GET /health HTTP/1.1\r\n" + HOST
POST = b"POST /tokenize HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n"
BODY = b'{"prompt": "hi"}'
FRAMED = b"10\r\n" + BODY + b"\r\n0\r\n\r\n"

REFUSED = {
    "a line feed alone": (b"GET /health HTTP/1.1\nHost: localhost\n\n", 400),
    "a carriage return alone in a value": (GET + b"X: a\rb\r\n\r\n", 400),
    "a folded line": (GET + b"X: a\r\n b\r\n\r\n", 400),
    "a folded line with a tab": (GET + b"X: a\r\n\tb\r\n\r\n", 400),
    "a space before the first field": (b"GET /health HTTP/1.1\r\n " + HOST + b"\r\n", 400),
    "a space before the colon": (GET + b"X : a\r\n\r\n", 400),
    "a field without a colon": (GET + b"X\r\n\r\n", 400),
    "a field without a name": (GET + b": a\r\n\r\n", 400),
    "a name with a space": (GET + b"X Y: a\r\n\r\n", 400),
    "a name with a bracket": (GET + b"X[: a\r\n\r\n", 400),
    "a name that is not ASCII": (GET + b"\xc3\xa9: a\r\n\r\n", 400),
    "NUL in a value": (GET + b"X: a\x00b\r\n\r\n", 400),
    "DEL in a value": (GET + b"X: a\x7fb\r\n\r\n", 400),
    "no host": (b"GET /health HTTP/1.1\r\n\r\n", 400),
    "two hosts": (GET + HOST + b"\r\n", 400),
    "an empty host": (b"GET /health HTTP/1.1\r\nHost:\r\n" + CLOSE + b"\r\n", 400),
    "a host with a path": (b"GET /health HTTP/1.1\r\nHost: localhost/x\r\n" + CLOSE + b"\r\n", 400),
    "a host with a user": (b"GET /health HTTP/1.1\r\nHost: me@localhost\r\n" + CLOSE + b"\r\n", 400),
    "no version": (b"GET /health\r\n\r\n", 400),
    "a version in small letters": (b"GET /health http/1.1\r\n" + HOST + b"\r\n", 400),
    "a version of many digits": (b"GET /health HTTP/1.01\r\n" + HOST + b"\r\n", 400),
    "HTTP/3.0": (b"GET /health HTTP/3.0\r\n" + HOST + b"\r\n", 400),
    "HTTP/2's preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "two spaces in the request line": (b"GET  /health HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a tab in the request line": (b"GET\t/health HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a space at its end": (b"GET /health HTTP/1.1 \r\n" + HOST + b"\r\n", 400),
    "a space in the target": (b"GET /he alth HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a fragment in the target": (b"GET /health#a HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a target that is no path": (b"GET health HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a target that is not ASCII": (b"GET /\xc3\xa9 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "* for GET": (b"GET * HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a method that is no token": (b"G{T /health HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "https on a plain connection": (b"GET https://localhost/health HTTP/1.1\r\n" + HOST + b"\r\n", 421),
    "another scheme": (b"GET ftp://localhost/health HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a user in the target": (b"GET http://me@localhost/health HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "two equal lengths": (POST + b"Content-Length: 16\r\nContent-Length: 16\r\n\r\n" + BODY, 400),
    "a list of lengths": (POST + b"Content-Length: 16, 16\r\n\r\n" + BODY, 400),
    "an empty length": (POST + b"Content-Length:\r\n\r\n" + BODY, 400),
    "a length with a sign": (POST + b"Content-Length: +16\r\n\r\n" + BODY, 400),
    "a length of letters": (POST + b"Content-Length: 1x\r\n\r\n" + BODY, 400),
    "a length with a space": (POST + b"Content-Length: 1 6\r\n\r\n" + BODY, 400),
    "a length beyond all numbers": (POST + b"Content-Length: 99999999999999999999\r\n\r\n", 400),
    "length and chunks": (CHUNKED + b"Content-Length: 16\r\n\r\n" + FRAMED, 400),
    "chunks in HTTP/1.0": (CHUNKED.replace(b"1.1", b"1.0") + b"\r\n" + FRAMED, 400),
    "no transfer coding": (POST + b"Transfer-Encoding:\r\n\r\n" + FRAMED, 400),
    "chunked is not the last": (POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n" + FRAMED, 400),
    "chunked twice": (CHUNKED + b"Transfer-Encoding: chunked\r\n\r\n" + FRAMED, 400),
    "an unknown coding": (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + FRAMED, 501),
    "a miracle": (POST + b"Expect: a-miracle\r\nContent-Length: 16\r\n\r\n", 417),
    "a chunk's size with 0x": (CHUNKED + b"\r\n0x10\r\n" + BODY + b"\r\n0\r\n\r\n", 400),
    "a chunk's size with a sign": (CHUNKED + b"\r\n-10\r\n" + BODY + b"\r\n0\r\n\r\n", 400),
    "a chunk's size with spaces": (CHUNKED + b"\r\n10 \r\n" + BODY + b"\r\n0\r\n\r\n", 400),
    "a chunk's size without digits": (CHUNKED + b"\r\n;a=b\r\n" + BODY + b"\r\n0\r\n\r\n", 400),
    "a chunk's size beyond all": (CHUNKED + b"\r\nfffffffffffffffffff\r\n", 400),
    "a chunk's size that ends with LF": (CHUNKED + b"\r\n10\n" + BODY + b"\r\n0\r\n\r\n", 400),
    "a chunk longer than it says": (CHUNKED + b"\r\n5\r\n" + BODY + b"\r\n0\r\n\r\n", 400),
    "a chunk that ends with LF": (CHUNKED + b"\r\n10\r\n" + BODY + b"\n0\r\n\r\n", 400),
    "an extension without end": (CHUNKED + b"\r\n10;" + b"x" * 10_000, 400),
    "a control character in an extension": (CHUNKED + b"\r\n10;\x01\r\n", 400),
    "a trailer that is no field": (CHUNKED + b"\r\n10\r\n" + BODY + b"\r\n0\r\nX\r\n\r\n", 400),
    "a body over the limit": (POST + b"Content-Length: 99999999\r\n\r\n", 413),
    "a chunk over the limit": (CHUNKED + b"\r\n5f5e0ff\r\n", 413),
    "a header over the limit": (GET + b"X: " + b"y" * 40_000 + b"\r\n\r\n", 431),
}

ACCEPTED = {
    "empty lines before it": b"\r\n\r\n" + GET + CLOSE + b"\r\n",
    "no space after the colon": GET.replace(b": ", b":") + CLOSE + b"\r\n",
    "spaces and tabs around a value": GET + b"X: \t a \t\r\n" + CLOSE + b"\r\n",
    "names in any letters": b"GET /health HTTP/1.1\r\nhOST: localhost\r\nCONNECTION: Close\r\n\r\n",
    "bytes beyond ASCII in a value": GET + b"X: \xc3\xa9\xff\r\n" + CLOSE + b"\r\n",
    "an empty value": GET + b"X:\r\n" + CLOSE + b"\r\n",
    "HTTP/1.0 without a host": b"GET /health HTTP/1.0\r\n\r\n",
    "HTTP/1.7": b"GET /health HTTP/1.7\r\n" + HOST + CLOSE + b"\r\n",
    "an absolute target": b"GET HTTP://localhost/health HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n",
    "an absolute target without a path": b"GET http://localhost HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n",
    "chunks": CHUNKED + CLOSE + b"\r\n" + FRAMED,
    "chunked in any letters": CHUNKED.replace(b": chunked", b": Chunked") + CLOSE + b"\r\n" + FRAMED,
    "extensions and trailers": CHUNKED + CLOSE + b"\r\n10 ; a=\"b\"\r\n" + BODY +
                               b"\r\n000\r\nAuthorization: x\r\nContent-Length: 5\r\n\r\n",
    "a body for GET": GET + CLOSE + b"Content-Length: 5\r\n\r\nhello",
    "an upgrade that is not taken": GET + b"Connection: upgrade, close\r\nUpgrade: h2c\r\n\r\n",
}


def check_shape(received: bytes) -> tuple[int, dict[str, str], bytes]:
    """The only reply in `received`: framed as its status wants it, and with what all replies have."""
    head, _, body = received.partition(b"\r\n\r\n")
    line, *fields = head.decode("latin-1").split("\r\n")
    status = int(re.fullmatch(r"HTTP/1\.1 (\d{3}) .+", line).group(1))
    headers = {name.lower(): value for name, value in (field.split(": ", 1) for field in fields)}
    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", headers["date"])
    assert headers["x-request-id"] and headers["x-content-type-options"] == "nosniff"
    assert int(headers["content-length"]) == len(body)
    return status, headers, body


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(server, name):
    request, expected = REFUSED[name]
    before = answers_counted(server, expected)
    status, headers, body = check_shape(exchange(server, request))
    assert status == expected and headers["connection"] == "close"
    assert body.startswith(b'{"error":{"message":"')
    assert answers_counted(server, expected) == before + 1


def answers_counted(server, status: int) -> float:
    families = text_string_to_metric_families(server.get("/metrics").text)
    return sum(sample.value for family in families for sample in family.samples
               if sample.name == "http_requests_total" and sample.labels["status"] == str(status))


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_is_accepted(server, name):
    assert exchange(server, ACCEPTED[name]).startswith(b"HTTP/1.1 200")


def test_a_broken_request_of_an_allowed_page_can_be_read_by_it(start_server):
    server = start_server("--allowed-origins", "https://shop.example")
    origin = b"Origin: https://shop.example\r\nX-Request-Id: mine\r\n"
    for request in (GET + origin + b"X : y\r\n\r\n", GET + origin + b"X: " + b"y" * 40_000 + b"\r\n\r\n",
                    POST + origin + b"Content-Length: 99999999\r\n\r\n",
                    POST + origin + b"Expect: a-miracle\r\nContent-Length: 5\r\n\r\n"):
        status, headers, _ = check_shape(exchange(server, request))
        assert status >= 400 and headers["x-request-id"] == "mine"
        assert headers["access-control-allow-origin"] == "https://shop.example"


def test_http_1_0_stays_when_it_asks_to(server):
    request = b"GET /health HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
    with server.connect() as connection:
        for _ in range(3):
            connection.sendall(request)
            received = connection.recv(65536)
            assert b"\r\nConnection: keep-alive\r\n" in received
    assert b"\r\nConnection: close\r\n" in exchange(server, b"GET /health HTTP/1.0\r\n\r\n")


def test_http_1_0_gets_no_100(server):
    request = chat(b"{}").replace(b"HTTP/1.1", b"HTTP/1.0").replace(b"Host", b"Expect: 100-continue\r\nHost")
    assert exchange(server, request).startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize("head, status", [
    (POST.replace(b"/tokenize", b"/nowhere") + b"Content-Length: 5\r\n", 404),
    (POST.replace(b"/tokenize", b"/v1/models") + b"Content-Length: 5\r\n", 405),
    (POST.replace(b"application/json", b"text/plain") + b"Content-Length: 5\r\n", 415),
    (POST + b"Content-Length: 99999999\r\n", 413)])
def test_who_waits_for_100_is_refused_at_once(server, head, status):
    """The body never comes, and the answer does."""
    received = exchange(server, head + b"Expect: 100-continue\r\n\r\n")
    assert received.startswith(b"HTTP/1.1 %d" % status)


def test_no_100_when_the_body_is_there_already(server):
    received = exchange(server, POST + CLOSE + b"Expect: 100-continue\r\nContent-Length: 16\r\n\r\n" + BODY)
    assert received.startswith(b"HTTP/1.1 200")


def test_the_host_of_an_absolute_target_counts(server):
    request = b"GET http://evil.example/v1/models HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n"
    assert exchange(server, request).startswith(b"HTTP/1.1 403")
    request = b"GET http://localhost/v1/models HTTP/1.1\r\nHost: evil.example\r\n" + CLOSE + b"\r\n"
    assert exchange(server, request).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("path, methods", [
    ("/", "GET, HEAD, OPTIONS"), ("/v1/models", "GET, HEAD, OPTIONS"),
    ("/v1/completions", "POST, OPTIONS"), ("/infer", "GET, HEAD, POST, OPTIONS")])
def test_options_says_what_a_path_answers(server, path, methods):
    reply = server.request("OPTIONS", path)
    assert reply.status_code == 204 and reply.headers["allow"] == methods
    assert "content-length" not in reply.headers


def test_options_of_the_whole_server(server):
    received = exchange(server, b"OPTIONS * HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n")
    assert received.startswith(b"HTTP/1.1 204") and b"Content-Length" not in received


def test_connect_is_405_whatever_it_wants_to_reach(server):
    received = exchange(server, b"CONNECT example.org:443 HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n")
    assert received.startswith(b"HTTP/1.1 405") and b"\r\nAllow: " in received


def test_not_modified_has_no_length(server):
    etag = server.get("/").headers["etag"].encode()
    received = exchange(server, b"GET / HTTP/1.1\r\nIf-None-Match: " + etag + b"\r\n" + HOST + CLOSE + b"\r\n")
    assert received.startswith(b"HTTP/1.1 304") and b"Content-Length" not in received


@pytest.mark.parametrize("path", ["/health", "/ready", "/version", "/metrics", "/v1/models",
                                  "/v1/models/fake", "/page-config.json", "/", "/infer?sentence=a&seed=1"])
def test_head_is_get_without_its_body(server, path):
    got, head = server.get(path), server.request("HEAD", path)
    assert (head.status_code, head.content) == (got.status_code, b"")
    assert head.headers["content-type"] == got.headers["content-type"]
    assert "content-length" in head.headers


def test_a_small_refused_body_keeps_the_connection(server):
    wrong = POST.replace(b"application/json", b"text/plain") + b"Content-Length: 16\r\n\r\n" + BODY
    with server.connect() as connection:
        connection.sendall(wrong + HEALTH)
        received = b""
        while b'{"status":"ok"}' not in received:
            piece = connection.recv(65536)
            assert piece, received
            received += piece
    assert received.startswith(b"HTTP/1.1 415") and received.count(b"HTTP/1.1 ") == 2


def test_a_refused_body_is_never_the_next_request(server):
    smuggled = GET.replace(b"/health", b"/v1/models") + b"\r\n"
    for request in (POST.replace(b"/tokenize", b"/nowhere") + b"Content-Length: %d\r\n" % len(smuggled) +
                    CLOSE + b"\r\n" + smuggled,
                    POST.replace(b"/tokenize", b"/nowhere") + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" %
                    len(smuggled) + smuggled + b"\r\n0\r\n\r\n"):
        assert exchange(server, request).count(b"HTTP/1.1 ") == 1


def test_a_body_that_comes_too_slowly_is_408(server):
    with server.connect() as connection:
        connection.settimeout(60 * PATIENCE)
        connection.sendall(POST + b"Content-Length: 16\r\n\r\n{")
        received = b""
        while piece := connection.recv(65536):
            received += piece
    assert check_shape(received)[0] == 408


def test_half_a_request_and_no_more_is_no_request(server):
    with server.connect() as connection:
        connection.sendall(POST + b"Content-Length: 16\r\n\r\n{")
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(65536) == b""
