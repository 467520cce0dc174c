#!/usr/bin/env python3
"""What speculation is worth to one stream: tokens a second with and without it, in turn.

    bench/speculation/measure.py [--rounds 3] [--max-tokens 200] [--prompts N] [-- FLAGS OF PUNA SERVE]

Two servers answer prompts.jsonl one after the other, each prompt first by the one, then by the other,
and the order changes with every round. Their texts must be the same, byte for byte. Prints, for each
kind of prompt, the median over prompts of how much faster answers come (from their first token on, each
the best of its rounds), and what was drafted. Kind "plain" has nothing to repeat: sampled, the others
greedy. Standard library only.
"""

import argparse
import http.client
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
BINARY = HERE.parent.parent / "build/release/bin/puna"


class Server:
    def __init__(self, flags: list[str]):
        self.process = subprocess.Popen([BINARY, "serve", "--port", "0", "--watch-stdin", *flags],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for line in self.process.stdout:
            if found := re.search(r"listening on http://[^:]+:(\d+)", line):
                self.port = int(found[1])
            if line.strip() == "ready":
                return
        raise SystemExit("puna serve did not start")

    def post(self, body: dict) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        connection.request("POST", "/v1/chat/completions", json.dumps(body), {"Content-Type": "application/json"})
        response = connection.getresponse()
        if response.status != 200:
            raise SystemExit(response.read().decode())
        return response

    def answer(self, prompt: dict, max_tokens: int) -> tuple[str, float]:
        """The text, and its tokens a second after the first."""
        body = {"messages": prompt["messages"], "max_tokens": max_tokens, "seed": 1, "stream": True,
                "temperature": 0.8 if prompt["kind"] == "plain" else 0,
                "stream_options": {"include_usage": True, "continuous_usage_stats": True}}
        text, first, first_count, last, count = "", 0.0, 0, 0.0, 0
        for line in self.post(body):
            if not line.startswith(b"data: {"):
                continue
            event = json.loads(line[6:])
            count = event["usage"]["completion_tokens"]
            for choice in event["choices"]:
                text += choice["delta"].get("content") or ""
            last = time.perf_counter()
            if count and not first:
                first, first_count = last, count
        return text, (count - first_count) / max(last - first, 1e-9) if count > first_count else 0.0

    def counts(self) -> dict[str, float]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        return {name: float(found[1]) if (found := re.search(rf"^vllm:{name}_total{{[^}}]*}} (\S+)$", text, re.M)) else 0
                for name in ("spec_decode_num_drafts", "spec_decode_num_draft_tokens",
                             "spec_decode_num_accepted_tokens", "generation_tokens")}

    def stop(self) -> None:
        self.process.stdin.close()
        self.process.wait()


def measure(plain: Server, drafting: Server, prompt: dict, rounds: int, max_tokens: int) -> tuple[float, dict]:
    before = drafting.counts()
    best = {plain: 0.0, drafting: 0.0}
    texts = set()
    for turn in range(rounds):
        for server in (plain, drafting) if turn % 2 == 0 else (drafting, plain):
            text, speed = server.answer(prompt, max_tokens)
            texts.add(text)
            best[server] = max(best[server], speed)
    if len(texts) != 1:
        raise SystemExit(f"answers differ: {texts}")
    after = drafting.counts()
    ratio = best[drafting] / best[plain] if best[plain] else 0.0
    return ratio, {name: after[name] - before[name] for name in after}


def report(kind: str, ratios: list[float], counts: list[dict]) -> None:
    total = {name: sum(one[name] for one in counts) for name in counts[0]}
    drafted, accepted = total["spec_decode_num_draft_tokens"], total["spec_decode_num_accepted_tokens"]
    print(f"{kind:8} {len(ratios):3} prompts  {statistics.median(ratios):5.2f}x  ({min(ratios):.2f} to "
          f"{max(ratios):.2f})  {accepted / max(total['generation_tokens'], 1):4.0%} of tokens from drafts, "
          f"{accepted / max(drafted, 1):4.0%} of drafted tokens right")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--max-tokens", type=int, default=200)
    parser.add_argument("--prompts", type=int, default=100, help="of each kind, at most")
    arguments, flags = parser.parse_known_args()
    flags = [flag for flag in flags if flag != "--"]
    prompts = [json.loads(line) for line in (HERE / "prompts.jsonl").read_text().splitlines()]
    servers = Server([*flags, "--no-speculation"]), Server(flags)
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True)
    try:
        repeating: list[float] = []
        for kind in dict.fromkeys(prompt["kind"] for prompt in prompts):
            chosen = [prompt for prompt in prompts if prompt["kind"] == kind][:arguments.prompts]
            results = [measure(*servers, prompt, arguments.rounds, arguments.max_tokens) for prompt in chosen]
            results = [result for result in results if result[0] > 0] or [(1.0, servers[1].counts())]
            report(kind, [ratio for ratio, _ in results], [counts for _, counts in results])
            sys.stdout.flush()
            repeating += [ratio for ratio, _ in results] if kind != "plain" else []
        print(f"the repeating ones together: {statistics.median(repeating):.2f}x")
    finally:
        for server in servers:
            server.stop()
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
