"""Start, loading, orderly end, and starts that fail with one line that says what to do."""

import json
import os
import signal
import socket
import subprocess

import pytest

from puna_server import (BINARY, ENDLESS_STEP_MICROSECONDS, ENDLESS_TOKENS, PATIENCE, SOON, PunaServer,
                         wait_until)

# The self-test takes two steps, so loading takes as many of these: for ever, as far as a test can see.
LOADING_STEP_MICROSECONDS = 10_000_000


def run_serve(*flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([BINARY, "serve", "--backend", "fake", *flags], capture_output=True,
                          text=True, timeout=60 * PATIENCE, stdin=subprocess.DEVNULL)


def test_while_the_model_loads_the_api_says_so(start_server):
    server = start_server(step_microseconds=LOADING_STEP_MICROSECONDS, wait_ready=False)
    assert server.get("/health").status_code == 200
    for path in ("/ready", "/v1/models", "/infer?sentence=a", "/page-config.json"):
        reply = server.get(path)
        assert reply.status_code == 503 and int(reply.headers["retry-after"]) >= 1
        assert reply.json()["error"]["code"] == "loading"
    reply = server.post("/v1/chat/completions", {"messages": []})
    assert reply.status_code == 503
    assert server.get("/").status_code == 200
    assert server.get("/metrics").status_code == 200
    server.terminate()
    assert server.wait() == 0


def test_once_the_model_is_loaded_the_line_ready_comes_and_the_api_answers(start_server):
    server = start_server(step_microseconds=50_000, wait_ready=False)
    assert server.line() == "ready"
    for path in ("/ready", "/v1/models", "/infer?sentence=a&max_tokens=1", "/page-config.json"):
        assert server.get(path).status_code == 200, path


def test_sigterm_lets_running_answers_finish(start_server):
    server = start_server(step_microseconds=5000)
    connection = server.send_chat(max_tokens=100, stream=True)
    received = connection.recv(65536)
    assert received.startswith(b"HTTP/1.1 200")
    server.terminate()
    while piece := connection.recv(65536):
        received += piece
    assert b"data: [DONE]" in received
    assert server.wait() == 0


def test_after_sigterm_nothing_new_is_begun(start_server):
    server = start_server("--shutdown-timeout", "600", step_microseconds=ENDLESS_STEP_MICROSECONDS)
    running = server.send_chat(max_tokens=ENDLESS_TOKENS, stream=True)
    running.recv(10)
    kept = server.connect()
    kept.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n")
    wait_until(lambda: server.metric("vllm:num_requests_running") == 1, SOON, "one runs")
    server.terminate()

    def refused() -> bool:
        try:
            server.connect().close()
        except ConnectionError:
            return True
        return False

    wait_until(refused, SOON, "new connections are refused")
    kept.sendall(b"Content-Type: application/json\r\n\r\n{}")
    reply = kept.recv(65536)
    assert reply.startswith(b"HTTP/1.1 503") and b"Connection: close" in reply
    running.close()
    kept.close()
    assert server.wait() == 0


def test_an_answer_that_takes_too_long_ends_in_an_error(start_server):
    server = start_server("--shutdown-timeout", "1", step_microseconds=50_000)
    stream, whole = (server.send_chat(max_tokens=4000, stream=stream) for stream in (True, False))
    half = server.connect()
    half.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                 b"Content-Length: 50\r\n\r\n{")
    received = stream.recv(65536)
    wait_until(lambda: server.metric("vllm:num_requests_running") == 2, SOON, "both run")
    server.terminate()
    while piece := stream.recv(65536):
        received += piece
    assert received.endswith(b"\r\n0\r\n\r\n"), "the last chunk is there"
    *_, failure, done, _ = received.split(b"\n\n")
    assert b'data: {"error":{"message":"the server is shutting down' in failure and b"[DONE]" in done
    for connection in (whole, half):
        reply = b""
        while piece := connection.recv(65536):
            reply += piece
        assert reply.startswith(b"HTTP/1.1 503") and b"\r\nConnection: close\r\n" in reply
        assert b"shutting down" in reply
    assert server.wait() == 0
    assert any("--shutdown-timeout" in line for line in server.errors)
    for connection in (stream, whole, half):
        connection.close()


def test_the_end_of_the_terminal_ends_the_server_in_order(start_server):
    server = start_server(step_microseconds=2000)
    stream = server.send_chat(max_tokens=100, stream=True)
    received = stream.recv(65536)
    server.process.send_signal(signal.SIGHUP)
    while piece := stream.recv(65536):
        received += piece
    assert b"data: [DONE]" in received
    assert server.wait() == 0
    stream.close()


def test_under_nohup_the_end_of_the_terminal_is_nothing(start_server):
    server = start_server(before=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    server.process.send_signal(signal.SIGHUP)
    assert server.get("/health").status_code == 200


def test_a_second_signal_ends_at_once(start_server):
    # At once means that no thread is waited for, which ThreadSanitizer would call a leak.
    options = os.environ.get("TSAN_OPTIONS", "") + ":report_thread_leaks=0"
    server = start_server("--shutdown-timeout", "600", step_microseconds=ENDLESS_STEP_MICROSECONDS,
                          variables={"TSAN_OPTIONS": options})
    connection = server.send_chat(max_tokens=ENDLESS_TOKENS, stream=True)
    connection.recv(10)
    server.terminate()
    wait_until(lambda: any("stopping" in line for line in server.errors), SOON, "it begins to stop")
    server.process.send_signal(signal.SIGINT)
    assert server.wait() == 1
    connection.close()


def test_sigterm_while_loading_ends_in_order(start_server):
    server = start_server(step_microseconds=LOADING_STEP_MICROSECONDS, wait_ready=False)
    server.terminate()
    assert server.wait() == 0


def test_idle_connections_do_not_hold_the_end_up(start_server):
    server = start_server("--shutdown-timeout", "600")
    idle = [server.connect() for _ in range(3)]
    idle[0].sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
    idle[0].recv(4096)
    server.terminate()
    assert server.wait() == 0
    for connection in idle:
        connection.close()


def test_the_end_of_standard_input_ends_the_server():
    assert PunaServer().close() == 0


def test_the_port_is_written_to_a_descriptor():
    reader, writer = os.pipe()
    process = subprocess.Popen([BINARY, "serve", "--backend", "fake", "--port", "0", "--watch-stdin",
                                "--port-fd", str(writer)], pass_fds=[writer], text=True,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL)
    os.close(writer)
    with os.fdopen(reader) as port:
        assert process.stdout.readline().endswith(f":{port.read().strip()}\n")
    assert process.stdout.readline() == "ready\n"
    process.stdin.close()
    assert process.wait(timeout=60 * PATIENCE) == 0
    process.stdout.close()


def test_a_port_in_use_is_one_line_that_names_the_flag(server):
    done = run_serve("--port", str(server.port))
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
    assert f"--port {server.port}" in done.stderr and "another program" in done.stderr


@pytest.mark.parametrize("flags, word", [
    (["--host", "not-an-address"], "--host not-an-address"), (["--host", "203.0.113.1",
     "--insecure-no-auth", "--port", "0"], "203.0.113.1"),
    (["--api-key-file", "/does/not/exist"], "/does/not/exist"),
    (["--examples-file", "/does/not/exist"], "/does/not/exist")])
def test_a_start_that_fails_is_one_line(flags, word):
    done = run_serve(*flags)
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1 and word in done.stderr


def test_prompts_and_answers_are_not_logged(start_server):
    server = start_server("--log-level", "debug")
    secret = "my-secret-sentence"
    answer = server.post("/v1/completions", {"prompt": secret, "max_tokens": 30, "ignore_eos": True})
    server.get(f"/infer?sentence={secret}&max_tokens=2")
    server.post("/v1/completions", {"prompt": [secret, 5]})
    wait_until(lambda: any("/infer" in line for line in server.errors), SOON, "the log has come")
    log = "\n".join(server.errors)
    assert secret not in log and answer.json()["choices"][0]["text"] not in log


def test_it_listens_on_loopback_alone(server):
    assert server.url.startswith("http://127.0.0.1:")
    with socket.socket() as other, pytest.raises(OSError):
        other.settimeout(1)
        other.connect(("127.0.0.2", server.port))


def test_version_is_that_of_the_binary(server):
    printed = subprocess.run([BINARY, "--version"], capture_output=True, text=True).stdout
    assert json.dumps(server.get("/version").json()) == json.dumps(
        {"version": printed.split()[-1]})
