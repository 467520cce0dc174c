"""Load on a cluster from a thread: short requests one after another from several clients, and streams."""

import dataclasses
import json
import threading
import time
from typing import Any

import httpx

from running_cluster import wait_until

TIMEOUT_S = 60


@dataclasses.dataclass
class Outcome:
    status: int
    replica: str
    error: str
    began: float
    seconds: float


class Load:
    """`with Load(url, 4) as load:` asks until the block ends; `load.outcomes` says how it went."""

    def __init__(self, url: str, clients: int, max_tokens: int = 5) -> None:
        self.outcomes: list[Outcome] = []
        self._url = url
        self._body = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": max_tokens,
                      "ignore_eos": True}
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(clients)]

    def _run(self) -> None:
        with httpx.Client(trust_env=False, timeout=TIMEOUT_S) as client:
            while not self._stop.is_set():
                began = time.monotonic()
                try:
                    reply = client.post(self._url + "/v1/chat/completions", json=self._body)
                    status, error = reply.status_code, "" if reply.status_code == 200 else reply.text
                    replica = reply.headers.get("puna-replica", "")
                except httpx.HTTPError as failure:
                    status, error, replica = 0, repr(failure), ""
                self.outcomes.append(Outcome(status, replica, error, began, time.monotonic() - began))

    def wait_for_more(self, count: int) -> None:
        """Until so many more requests have been answered."""
        wanted = len(self.outcomes) + count
        wait_until(lambda: len(self.outcomes) >= wanted, TIMEOUT_S, f"{count} more answers")

    def failures(self) -> list[Outcome]:
        return [one for one in self.outcomes if one.status != 200]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


class Stream:
    """One streamed answer, read by a thread; `events` grows while it comes."""

    def __init__(self, url: str, max_tokens: int) -> None:
        self.events: list[Any] = []
        self.replica = ""
        self.error = ""
        self.started = threading.Event()
        self._left = threading.Event()
        self._url, self._max_tokens = url, max_tokens
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        body = {"messages": [{"role": "user", "content": "tell"}], "max_tokens": self._max_tokens,
                "ignore_eos": True, "stream": True}
        try:
            with httpx.stream("POST", self._url + "/v1/chat/completions", json=body,
                              trust_env=False, timeout=TIMEOUT_S) as reply:
                self.replica = reply.headers.get("puna-replica", "")
                for line in reply.iter_lines():
                    if self._left.is_set():
                        return
                    if line.startswith("data:"):
                        data = line.removeprefix("data:").strip()
                        self.events.append(data if data == "[DONE]" else json.loads(data))
                        self.started.set()
        except (httpx.HTTPError, ValueError) as failure:
            self.error = repr(failure)

    def leave(self) -> None:
        """Closes the connection at the next event."""
        self._left.set()

    def wait(self, seconds: float) -> None:
        self._thread.join(seconds)
        assert not self._thread.is_alive(), f"the stream has not ended: {self.events[-1:]}"

    @property
    def text_count(self) -> int:
        return sum(1 for event in self.events if isinstance(event, dict) and event.get("choices")
                   and event["choices"][0]["delta"].get("content"))
