"""How many tokens a second several streams of one server get together, as their client sees it. Standard library only."""

import json
import threading
import time

from served import DeviceError, Server


class Stream:
    """One streamed answer of so many tokens, and when each event came."""

    def __init__(self, server: Server, prompt: list[int], tokens: int) -> None:
        self._server, self._prompt, self._tokens = server, prompt, tokens
        self.times: list[float] = []
        self.token_count, self.failure = 0, ""

    def run(self) -> None:
        body = {"prompt": self._prompt, "max_tokens": self._tokens, "temperature": 0, "ignore_eos": True, "stream": True,
                "stream_options": {"include_usage": True}}
        try:
            with self._server.open("/v1/completions", body) as reply:
                for line in reply:
                    if not line.startswith(b"data: {"):
                        continue
                    event = json.loads(line[len(b"data: "):])
                    if "error" in event:
                        raise DeviceError(str(event["error"].get("message")))
                    if event.get("usage"):
                        self.token_count = int(event["usage"]["completion_tokens"])
                    elif event["choices"]:
                        self.times.append(time.monotonic())
        except (DeviceError, OSError, ValueError, KeyError) as failure:
            self.failure = f"a stream failed: {failure}"


def served_rate(server: Server, streams: int, prompt_tokens: int, tokens: int) -> tuple[float, bool]:
    """Tokens a second of all streams while all of them are answered (from the first event of the last one to begin to the
    end of the first one to end), and true. Where a model is so small that they are never there at once, their rate from
    the first event to the last, and false."""
    running = [Stream(server, [3 + (7 * number + position) % 250 for position in range(prompt_tokens)], tokens)
               for number in range(streams)]
    threads = [threading.Thread(target=one.run) for one in running]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    for one in running:
        if one.failure:
            raise DeviceError(one.failure)
        if one.token_count != tokens:
            raise DeviceError(f"a stream had {one.token_count} tokens, not {tokens}")
    begin, end = max(one.times[0] for one in running), min(one.times[-1] for one in running)
    at_once = end > begin
    if not at_once:
        begin, end = min(one.times[0] for one in running), max(one.times[-1] for one in running)
    # Bytes of one character may wait for others, so events are fewer than tokens: each stands for as many.
    within = sum(sum(begin < at <= end for at in one.times) * tokens / len(one.times) for one in running)
    return within / max(end - begin, 1e-3), at_once
