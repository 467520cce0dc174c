"""Measures OpenVINO GenAI for compare.py; worker.py tells how it is called.

Runs inside a virtual environment with openvino-genai. Steps of its continuous batching are timed one
by one, so that decode is measured without the prefill before it.
"""

import statistics
import time

from worker import run_works  # first: its clock starts here, before the imports below

import numpy
import openvino
import openvino_genai

CACHE_GB = 2
BATCH_TOKENS_MAX = 4096
SEQUENCES_MAX = 16
WARM_STEPS = 2  # decode steps that are not counted


def scheduler() -> openvino_genai.SchedulerConfig:
    config = openvino_genai.SchedulerConfig()
    config.cache_size = CACHE_GB
    config.max_num_batched_tokens = BATCH_TOKENS_MAX
    config.max_num_seqs = SEQUENCES_MAX
    config.enable_prefix_caching = False
    return config


def generation(tokens: int) -> openvino_genai.GenerationConfig:
    config = openvino_genai.GenerationConfig()
    config.max_new_tokens = tokens
    config.ignore_eos = True
    config.do_sample = False
    return config


class OpenVino:
    """A pipeline and the number of requests that it was given."""

    def __init__(self, folder: str, threads: int):
        self.pipeline = openvino_genai.ContinuousBatchingPipeline(
            folder, scheduler(), "CPU", {"INFERENCE_NUM_THREADS": threads})
        self.random = numpy.random.default_rng(7)
        self.requests = 0

    def steps(self, batch: int, prompt: int, tokens: int) -> list[float]:
        """Seconds of each step: the first computes the prompts, each other one token per sequence."""
        handles = []  # a request whose handle is gone is dropped
        for _ in range(batch):
            ids = self.random.integers(300, 31000, size=(1, prompt), dtype=numpy.int64)
            handles.append(self.pipeline.add_request(
                self.requests, openvino.Tensor(ids), generation(tokens)))
            self.requests += 1
        seconds = []
        while self.pipeline.has_non_finished_requests():
            begun = time.monotonic()
            self.pipeline.step()
            seconds.append(time.monotonic() - begun)
        return seconds

    def prefill(self, tokens: int) -> float:
        """The second of two: the first call of a shape compiles."""
        self.steps(1, tokens, 1)
        return tokens / self.steps(1, tokens, 1)[0]

    def decode(self, tokens: int, batch: int, depth: int) -> float:
        prompt = max(depth, 1)
        self.steps(batch, prompt, WARM_STEPS)
        seconds = self.steps(batch, prompt, tokens + WARM_STEPS)
        return batch / statistics.median(seconds[WARM_STEPS:])


if __name__ == "__main__":
    run_works(OpenVino)
