#!/usr/bin/env python3
"""What Ray's proxy and a replica cost beside asking the server directly. Needs a running cluster.

    bench/ray_overhead.py DIRECT_URL RAY_URL [SECONDS]

Asks both the same: a trivial route and a streamed answer, from 1 and from 16 connections, each on raw
sockets so that the client costs little. Prints requests a second, median, 99th percentile, and for
streams the time to the first event. Standard library only.
"""

import json
import socket
import sys
import threading
import time
import urllib.parse

STREAM = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 20, "ignore_eos": True,
          "stream": True}


def request_bytes(method: str, path: str, body: object = None) -> bytes:
    content = b"" if body is None else json.dumps(body).encode()
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(content)}\r\n"
    return (head + "Content-Type: application/json\r\n\r\n").encode() + content


def read_answer(connection: socket.socket) -> tuple[float, bytes]:
    """When the first byte of the body came, and the whole answer."""
    data, first = b"", 0.0
    while True:
        piece = connection.recv(65536)
        if not piece:
            raise ConnectionError("the server closed the connection")
        data += piece
        head, found, body = data.partition(b"\r\n\r\n")
        if not found:
            continue
        if body and not first:
            first = time.perf_counter()
        lower = head.lower()
        if b"content-length:" in lower:
            length = int(lower.split(b"content-length:")[1].split(b"\r\n")[0])
            if len(body) >= length:
                return first or time.perf_counter(), data
        elif body.endswith(b"0\r\n\r\n"):
            return first, data


def client(url: str, request: bytes, seconds: float, samples: list[tuple[float, float]]) -> None:
    parts = urllib.parse.urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=60) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        end = time.perf_counter() + seconds
        while (began := time.perf_counter()) < end:
            connection.sendall(request)
            first, data = read_answer(connection)
            if not data.startswith(b"HTTP/1.1 200"):
                raise ConnectionError(data[:200].decode("utf-8", "replace"))
            samples.append((time.perf_counter() - began, first - began))


def measure(name: str, url: str, request: bytes, clients: int, seconds: float) -> None:
    client(url, request, 0.2, [])  # connections and caches are warm
    samples: list[tuple[float, float]] = []
    threads = [threading.Thread(target=client, args=(url, request, seconds, samples))
               for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    whole = sorted(one for one, _ in samples)
    first = sorted(one for _, one in samples)
    print(f"{name:28} {clients:3} {len(samples) / seconds:9.0f} /s   p50 {whole[len(whole) // 2] * 1e3:8.2f} ms"
          f"   p99 {whole[len(whole) * 99 // 100] * 1e3:8.2f} ms"
          f"   first p50 {first[len(first) // 2] * 1e3:8.2f} ms", flush=True)


def main() -> int:
    if len(sys.argv) not in (3, 4):
        print(__doc__, file=sys.stderr)
        return 2
    seconds = float(sys.argv[3]) if len(sys.argv) == 4 else 10.0
    for kind, request in (("GET /health", request_bytes("GET", "/health")),
                          ("20-token stream", request_bytes("POST", "/v1/chat/completions", STREAM))):
        for where, url in (("direct", sys.argv[1]), ("Ray", sys.argv[2])):
            for clients in (1, 16):
                measure(f"{kind}, {where}", url, request, clients, seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
