"""The command line that openvino_worker.py and ctranslate2_worker.py share.

    NAME_worker.py MODEL_FOLDER --threads N prefill:512:1:0 decode:32:16:16 start:0:1:0

A work is test:tokens:batch:depth. Each gives one line of JSON: its numbers and `value`, which is
tokens per second, or for `start` the seconds from here to the first token of an answer.
"""

import argparse
import json
import time
from collections.abc import Callable
from typing import Protocol

STARTED = time.monotonic()

from work import START_PROMPT_TOKENS  # noqa: E402, after the clock has started


class Engine(Protocol):
    """A loaded model that can say how fast it is."""

    def prefill(self, tokens: int) -> float: ...
    def decode(self, tokens: int, batch: int, depth: int) -> float: ...


def run_works(make_engine: Callable[[str, int], Engine]) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("works", nargs="+")
    parser.add_argument("--threads", type=int, required=True)
    options = parser.parse_args()
    engine = make_engine(options.model, options.threads)
    for work in options.works:
        test, *numbers = work.split(":")
        tokens, batch, depth = (int(number) for number in numbers)
        if test == "prefill":
            value = engine.prefill(tokens)
        elif test == "decode":
            value = engine.decode(tokens, batch, depth)
        else:
            engine.prefill(START_PROMPT_TOKENS)
            value = time.monotonic() - STARTED
        print(json.dumps({"test": test, "tokens": tokens, "batch": batch, "depth": depth,
                          "value": value}), flush=True)
