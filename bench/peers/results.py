"""The file of results: one line of JSON for each process that ran, and medians over them.

Lines are only ever added, so a comparison can be made in pieces and goes on where it stopped.
"""

import dataclasses
import json
import pathlib
import statistics
from collections.abc import Iterable

from work import Work


@dataclasses.dataclass(frozen=True)
class Record:
    """One process of one contender: where it stood in the rounds, and what came out."""

    shape: str  # Shape.label()
    contender: str
    weights: str
    settings: str
    threads: int
    command: str  # without the folders of the machine it ran on
    time: str  # when it began
    wall_seconds: float
    peak_bytes: int
    samples: list[dict]  # test, tokens, batch, depth, value
    facts: dict[str, float]


def append(path: pathlib.Path, record: Record) -> None:
    with path.open("a") as out:
        out.write(json.dumps(dataclasses.asdict(record)) + "\n")


def read(paths: Iterable[pathlib.Path]) -> list[Record]:
    return [Record(**json.loads(line)) for path in paths for line in path.read_text().splitlines()]


@dataclasses.dataclass(frozen=True)
class Median:
    """The best setting's median of a contender at one work, with what it was taken from."""

    value: float
    samples: list[float]
    settings: str


def key(record: Record) -> tuple[str, str]:
    """What the tables call a contender: its name and its weights."""
    return record.contender, record.weights


def median(records: list[Record], shape: str, contender: tuple[str, str], work: Work) -> Median | None:
    """Over all rounds; where a contender ran with several settings, of the better one."""
    by_settings: dict[str, list[float]] = {}
    for record in records:
        if record.shape != shape or key(record) != contender:
            continue
        for sample in record.samples:
            if Work(**{name: sample[name] for name in ("test", "tokens", "batch", "depth")}) == work:
                by_settings.setdefault(record.settings, []).append(sample["value"])
    medians = [Median(statistics.median(values), values, settings)
               for settings, values in by_settings.items()]
    best = min if work.is_time() else max
    return best(medians, key=lambda median: median.value, default=None)


def fact(records: list[Record], name: str, shape: str | None = None,
         contender: tuple[str, str] | None = None) -> list[float]:
    """Every value of a fact, in the order of the runs."""
    return [record.facts[name] for record in records
            if name in record.facts and shape in (None, record.shape)
            and contender in (None, key(record))]
