"""What is measured: pieces of work, the commands that do them, and the samples that come out."""

import dataclasses

PREFILL, DECODE, START, READY = "prefill", "decode", "start", "ready"


@dataclasses.dataclass(frozen=True)
class Work:
    """One line of the tables: so many tokens, in so many sequences, after so many others."""

    test: str  # PREFILL, DECODE, START or READY
    tokens: int = 0  # per sequence
    batch: int = 1
    depth: int = 0  # tokens that each sequence holds already

    def is_time(self) -> bool:
        """Whether its value is seconds, and less is better."""
        return self.test in (START, READY)

    def title(self) -> str:
        if self.test == PREFILL:
            return f"prefill {self.tokens}"
        if self.is_time():
            return f"{self.test}, warm"
        streams = "1 stream" if self.batch == 1 else f"batch {self.batch}"
        return f"decode, {streams}, depth {self.depth}"


# Batched decode begins at this depth: llama-batched-bench needs a prompt for every sequence.
BATCH_DEPTH = 16
PREFILL_512 = Work(PREFILL, 512)
DECODE_SHORT = Work(DECODE, 32)
DECODE_DEEP = Work(DECODE, 32, depth=1024)
DECODE_BATCHES = [Work(DECODE, 32, batch, BATCH_DEPTH) for batch in (4, 8, 16)]
START_WARM = Work(START)
READY_WARM = Work(READY)  # told by the servers that START starts
START_PROMPT_TOKENS = 8  # of the first answer after a start

# The groups that one process of a contender does together; `compare.py --tests` names them.
GROUPS: dict[str, list[Work]] = {
    "prefill": [PREFILL_512],
    "decode": [DECODE_SHORT],
    "depth": [DECODE_DEEP],
    "batch": DECODE_BATCHES,
    "start": [START_WARM],
}
ALL_WORKS = [*(work for group in GROUPS.values() for work in group), READY_WARM]


@dataclasses.dataclass(frozen=True)
class Run:
    """One process: its command line and the works that its output tells of."""

    command: list[str]
    works: tuple[Work, ...]
    settings: str = ""  # of this run where a contender is tried with several, for instance "fa=on"
    # A server that START measures: the path that answers 200 when it serves, "{port}" in the command.
    ready_path: str | None = None
    prints_on_stderr: bool = False  # what parse() reads
    is_timed_whole: bool = False  # START is the time of the whole process, which computes one token


@dataclasses.dataclass(frozen=True)
class Sample:
    """What one run said of one work."""

    work: Work
    value: float  # tokens per second, of all sequences together, or seconds


class OutputError(Exception):
    """A contender's output is not as its adapter knows it."""
