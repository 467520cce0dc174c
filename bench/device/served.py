"""`puna serve` as a child process, asked over HTTP, for the scripts that try a device. Standard library only."""

import contextlib
import json
import math
import os
import pathlib
import queue
import shutil
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any

READY_S = 1800.0  # a compiler for devices may take many minutes
REPLY_S = 600.0


class DeviceError(RuntimeError):
    """What a program said when it could not; one line."""


def environment_of(changes: Mapping[str, str]) -> dict[str, str]:
    """This process's own without settings of Puna, which would change what is tried."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith("PUNA_") or name == "PUNA_REFERENCE_PLUGIN"}
    return kept | dict(changes)


def last_error(log: str) -> str:
    """The line that says why: Puna's own, or the last."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    found = next((line for line in reversed(lines) if line.startswith("error:")), lines[-1] if lines else "it said nothing")
    return found.removeprefix("error:").strip()


def run_puna(binary: pathlib.Path, *arguments: str, log: pathlib.Path, variables: Mapping[str, str] | None = None,
             seconds: float = READY_S, codes: Sequence[int] = (0,)) -> str:
    """What a command of `puna` prints; its log goes to the end of the file `log`."""
    with log.open("a") as errors:
        errors.write(f"$ puna {' '.join(arguments)}\n")
        errors.flush()
        begin = errors.tell()
        try:
            done = subprocess.run([binary, *arguments], stdout=subprocess.PIPE, stderr=errors, text=True, timeout=seconds,
                                  stdin=subprocess.DEVNULL, env=environment_of(variables or {}))
        except subprocess.TimeoutExpired:
            raise DeviceError(f"puna {arguments[0]} has not ended after {seconds:.0f} s") from None
        except OSError as failure:
            raise DeviceError(f"{binary} cannot be started: {failure.strerror}") from None
    if done.returncode not in codes:
        with log.open() as errors:
            errors.seek(begin)
            said = errors.read() + done.stdout
        how = f"was ended by signal {-done.returncode}" if done.returncode < 0 else f"exit code {done.returncode}"
        raise DeviceError(f"puna {arguments[0]}: {how}: {last_error(said)}")
    return done.stdout


def list_devices(binary: pathlib.Path, device: str, *flags: str, log: pathlib.Path) -> dict[str, Any]:
    """The one plugin that `puna devices` finds, which has devices."""
    text = run_puna(binary, "devices", "--device", device, *flags, "--json", log=log, codes=(0, 1))
    plugin: dict[str, Any] = json.loads(text)["plugins"][0]
    if not plugin["devices"]:
        raise DeviceError(f"{plugin.get('path', device)}: {plugin.get('problem', 'no devices')}")
    return plugin


class Server:
    """Serves a model until the end of the `with` block; ready when it begins."""

    def __init__(self, binary: pathlib.Path, model: pathlib.Path, *flags: str, log: pathlib.Path,
                 variables: Mapping[str, str] | None = None, seconds: float = READY_S) -> None:
        self._log, self._ready_s_max = log, seconds
        self.began = time.monotonic()
        with log.open("a") as errors:
            errors.write(f"$ puna serve {model} {' '.join(flags)}\n")
            errors.flush()
            self._begin = errors.tell()
            self.process = subprocess.Popen(
                [binary, "serve", model, "--port", "0", "--watch-stdin", *flags], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=errors, text=True, env=environment_of(variables or {}))
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put("")

    def _line(self) -> str:
        try:
            return self._lines.get(timeout=self._ready_s_max)
        except queue.Empty:
            raise DeviceError(f"puna serve is not ready after {self._ready_s_max:.0f} s") from None

    def __enter__(self) -> "Server":
        try:
            self.url = self._line().removeprefix("listening on ")
            if self._line() != "ready":
                self.process.wait()
                raise DeviceError(f"puna serve ended: {last_error(self.log())}")
        except BaseException:
            self.__exit__()
            raise
        self.ready_s = time.monotonic() - self.began
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def log(self) -> str:
        with self._log.open(errors="replace") as file:
            file.seek(self._begin)
            return file.read()

    def open(self, path: str, body: Mapping[str, Any]) -> Any:
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(),
                                         {"Content-Type": "application/json"})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            return opener.open(request, timeout=REPLY_S)
        except urllib.error.HTTPError as failure:
            raise DeviceError(f"{path}: {failure.code}: {failure.read().decode(errors='replace')[:300]}") from None
        except OSError as failure:
            raise DeviceError(f"{path}: {failure}") from None

    def completion(self, prompt: Sequence[int], **fields: Any) -> dict[str, Any]:
        with self.open("/v1/completions", {"prompt": list(prompt), "temperature": 0, "ignore_eos": True, **fields}) as reply:
            choice: dict[str, Any] = json.load(reply)["choices"][0]
        return choice

    def scores(self, prompt: Sequence[int]) -> list[float]:
        """The log probability of each token of the prompt but the first: logits in the form that the API gives them."""
        found = self.completion(prompt, max_tokens=1, echo=True, logprobs=0)["logprobs"]["token_logprobs"]
        return [float(one) for one in found[1:len(prompt)]]

    def answer(self, prompt: Sequence[int], tokens: int) -> list[float]:
        """The log probabilities of a greedy answer, in full: equal bits are equal numbers here."""
        found = self.completion(prompt, max_tokens=tokens, logprobs=0)["logprobs"]["token_logprobs"]
        return [float(one) for one in found]


def fresh_folder(folder: pathlib.Path) -> pathlib.Path:
    """Empty; what an earlier run has left there is removed, and nothing else."""
    if folder.exists() and any(folder.iterdir()) and not (folder / "log.txt").exists():
        raise DeviceError(f"{folder} is there and holds something else; choose another --output")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def largest_difference(left: Sequence[float], right: Sequence[float]) -> float:
    if len(left) != len(right):
        raise DeviceError(f"{len(left)} numbers here and {len(right)} there")
    differences = [abs(a - b) for a, b in zip(left, right)]
    return math.inf if any(map(math.isnan, differences)) else max(differences, default=0.0)


def together(calls: Sequence[Any]) -> list[Any]:
    """The results of functions that run at once, each in a thread."""
    results: list[Any] = [None] * len(calls)
    failures: list[BaseException] = []

    def run(number: int) -> None:
        try:
            results[number] = calls[number]()
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(calls))]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    if failures:
        raise failures[0]
    return results
