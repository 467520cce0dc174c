"""Measures CTranslate2 for compare.py; worker.py tells how it is called.

Runs inside a virtual environment with ctranslate2. Its generator has no step that could be timed,
so decode is the time of many tokens less the time of one, from the same prompts.
"""

import json
import pathlib
import time

from worker import run_works  # first: its clock starts here, before the imports below

import ctranslate2
import numpy


class CTranslate2:
    """A generator, and prompts of random tokens for it."""

    def __init__(self, folder: str, threads: int):
        self.generator = ctranslate2.Generator(
            folder, device="cpu", compute_type="int8", intra_threads=threads, inter_threads=1)
        self.words = json.loads((pathlib.Path(folder) / "vocabulary.json").read_text())
        self.random = numpy.random.default_rng(7)

    def prompts(self, batch: int, length: int) -> list[list[str]]:
        ids = self.random.integers(300, 31000, size=(batch, length))
        return [[self.words[index] for index in row] for row in ids]

    def seconds(self, prompts: list[list[str]], tokens: int) -> float:
        begun = time.monotonic()
        self.generator.generate_batch(
            prompts, max_length=tokens, min_length=tokens, sampling_topk=1, end_token=[],
            include_prompt_in_result=False, max_batch_size=0)
        return time.monotonic() - begun

    def prefill(self, tokens: int) -> float:
        """The second of two: the first call of a shape allocates."""
        self.seconds(self.prompts(1, tokens), 1)
        return tokens / self.seconds(self.prompts(1, tokens), 1)

    def decode(self, tokens: int, batch: int, depth: int) -> float:
        prompts = self.prompts(batch, max(depth, 1))
        self.seconds(prompts, 2)
        one = self.seconds(prompts, 1)
        return batch * tokens / (self.seconds(prompts, tokens + 1) - one)


if __name__ == "__main__":
    run_works(CTranslate2)
