"""Runs one contender's process to its end, or a server until its first answer; never two at once."""

import dataclasses
import http.client
import json
import os
import signal
import socket
import subprocess
import tempfile
import time

from work import START_PROMPT_TOKENS

RUN_SECONDS_MAX = 900
READY_SECONDS_MAX = 300
POLL_SECONDS = 0.01
STOP_SECONDS_MAX = 20
KIBIBYTE = 1024
FIRST_PROMPT_TOKEN = 1000  # ids from here on are ordinary words in every vocabulary


class RunError(Exception):
    """A process failed, or a server never answered."""


@dataclasses.dataclass(frozen=True)
class Finished:
    output: str
    messages: str  # on stderr
    wall_seconds: float
    peak_bytes: int  # the most memory that was resident at once, mapped files included


def tail(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-8:])


def run_process(command: list[str]) -> Finished:
    """Runs in a folder of its own, where peers leave their logs."""
    with (tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors,
          tempfile.TemporaryDirectory() as folder):
        begun = time.monotonic()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=errors, cwd=folder)
        usage = wait(process, begun + RUN_SECONDS_MAX)
        wall = time.monotonic() - begun
        out.seek(0), errors.seek(0)
        output, messages = out.read().decode(errors="replace"), errors.read().decode(errors="replace")
    if process.returncode != 0:
        raise RunError(f"{' '.join(command)}\nexit code {process.returncode}: {tail(messages or output)}")
    return Finished(output, messages, wall, usage.ru_maxrss * KIBIBYTE)


def wait(process: subprocess.Popen, deadline: float):
    """What the process used; it is killed at the deadline."""
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return usage
        if time.monotonic() > deadline:
            process.kill()
        time.sleep(POLL_SECONDS)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def status_of(port: int, path: str) -> int | None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except OSError:
        return None
    finally:
        connection.close()


def first_answer(port: int) -> None:
    """One token of a completion, in the words of OpenAI's API, which every server here knows."""
    prompt = list(range(FIRST_PROMPT_TOKEN, FIRST_PROMPT_TOKEN + START_PROMPT_TOKENS))
    body = json.dumps({"prompt": prompt, "max_tokens": 1, "temperature": 0})
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=READY_SECONDS_MAX)
    connection.request("POST", "/v1/completions", body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    answer = response.read().decode(errors="replace")
    connection.close()
    if response.status != 200:
        raise RunError(f"/v1/completions answered {response.status}: {answer[:300]}")


@dataclasses.dataclass(frozen=True)
class Started:
    ready_seconds: float  # from the start of the process until `ready_path` answers 200
    answer_seconds: float  # until the first token of a first request is here
    resident_bytes: int  # after that


def start_server(command: list[str], ready_path: str) -> Started:
    port = free_port()
    command = [part.replace("{port}", str(port)) for part in command]
    begun = time.monotonic()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    try:
        while status_of(port, ready_path) != 200:
            if process.poll() is not None:
                raise RunError(f"{' '.join(command)}\nexit code {process.returncode} before it was ready")
            if time.monotonic() > begun + READY_SECONDS_MAX:
                raise RunError(f"{' '.join(command)}\nnot ready after {READY_SECONDS_MAX} s")
            time.sleep(POLL_SECONDS)
        ready = time.monotonic() - begun
        first_answer(port)
        return Started(ready, time.monotonic() - begun, resident_bytes(process.pid))
    finally:
        stop(process)


def resident_bytes(pid: int) -> int:
    with open(f"/proc/{pid}/status") as status:
        for line in status:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * KIBIBYTE
    return 0


def stop(process: subprocess.Popen) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
