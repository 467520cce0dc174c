#!/usr/bin/env python3
"""Runs every test of the project, layer by layer, and says what each took.

    tools/run_tests.py                           all layers, in order
    tools/run_tests.py unit http                 only these
    tools/run_tests.py --changed                 what a change most likely broke (tools/changed_tests.py)
    tools/run_tests.py --repeat 10 --busy http   ten times, while every core has something else to do
    tools/run_tests.py --list                    what there is

Exits with 1 when any step failed. Logs of steps are in build/test-logs/.
"""

import argparse
import collections
import concurrent.futures
import contextlib
import itertools
import os
import pathlib
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import NamedTuple

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

import changed_tests  # noqa: E402
import tidy  # noqa: E402
from test_steps import Step, all_steps, changed_steps, fuzz_targets, long_steps  # noqa: E402

LOGS = ROOT / "build/test-logs"
# Packed weights of the tests' models stay out of the user's own cache.
CACHE = {"PUNA_CACHE": str(ROOT / "build/test-cache")}
# Runs only when nothing else wants the core.
IDLE = ["chrt", "--idle", "0"]
# Nicer than the tests by as much as leaves a loop a quarter of a core that both want.
BUSY_NICE = 5


class Result(NamedTuple):
    passed: bool
    seconds: float
    core_seconds: float  # of all its processes: what it costs, whatever runs beside it


def run(step: Step, name: str) -> Result:
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / f"{name}-{step.layer}-{step.name.replace(' ', '-').replace(',', '')}.log"
    started = time.monotonic()
    with log.open("wb") as output:
        child = subprocess.Popen([*(IDLE if step.fills else []), "bash", "-o", "pipefail", "-c", step.command],
                                 cwd=ROOT, env={**os.environ, **CACHE, **step.environment},
                                 stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(child.pid, 0)
        code = child.returncode = os.waitstatus_to_exitcode(status)
    result = Result(code == 0, time.monotonic() - started, used.ru_utime + used.ru_stime)
    print(f"{'ok  ' if result.passed else 'FAIL'} {result.seconds:7.1f} s {result.core_seconds:7.1f} s of a core  "
          f"{step.layer:9} {step.name}", flush=True)
    for skipped in skipped_tests(log.read_text(errors="replace")):
        print(f"     skipped: {skipped}", flush=True)
    if code != 0:
        environment = " ".join(f"{key}={shlex.quote(value)}" for key, value in step.environment.items())
        print(f"--- exit {code}: {environment} {step.command}\n--- end of {log.relative_to(ROOT)}:")
        print(end_of(log.read_text(errors="replace")), flush=True)
    return result


def end_of(log: str) -> str:
    """The last lines, and before them what GoogleTest says of each failure further up."""
    lines = log.splitlines()
    before = "\n".join(lines[:-60])
    failures = re.findall(r"^.*: Failure\n(?:.*\n){0,5}", before, re.MULTILINE)
    return "\n".join([*failures[:10], *lines[-60:]])


def skipped_tests(log: str) -> list[str]:
    """What did not run on this machine, as GoogleTest, pytest and unittest say it: no test is left out in silence."""
    found = re.findall(r"\[  SKIPPED \] (\S+)(?: \(|,)|^SKIPPED \[\d+\] (?!.*only with --long)(.*)|"
                       r"\bOK \((skipped=\d+)\)", log, re.MULTILINE)
    return list(dict.fromkeys(next(filter(None, names)) for names in found))


def run_all(steps: list[Step], prefix: str = "") -> list[Result]:
    """In order; neighbours that use one core each run at once, one for each core. Steps that fill run one after the
    other beside those that follow, but for the later ones of their own layer, which wait for them."""
    results: dict[int, Result] = {}
    filling: dict[str, list[concurrent.futures.Future[None]]] = collections.defaultdict(list)

    def run_one(number: int) -> None:
        step = steps[number]
        if not step.fills:
            concurrent.futures.wait(filling[step.layer])
        results[number] = run(step, f"{prefix}{number + 1:02d}")

    with concurrent.futures.ThreadPoolExecutor(1) as filler:
        for (fills, together), group in itertools.groupby(
                range(len(steps)), key=lambda number: (steps[number].fills, steps[number].uses_one_core)):
            if fills:
                for number in group:
                    filling[steps[number].layer].append(filler.submit(run_one, number))
            else:
                with concurrent.futures.ThreadPoolExecutor(os.cpu_count() if together else 1) as pool:
                    list(pool.map(run_one, group))
    return [results[number] for number in range(len(steps))]


@contextlib.contextmanager
def busy_cores() -> Iterator[None]:
    """A loop for each core, a little nicer than the tests; it ends with the block, or with this process."""
    loop = ["setpriv", "--pdeathsig", "KILL", "nice", "-n", str(BUSY_NICE), sys.executable, "-c", "while True: pass"]
    loops = [subprocess.Popen(loop) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for one in loops:
            one.kill()
            one.wait()


def repeat(steps: list[Step], rounds: int) -> int:
    """Runs the steps again and again, what prepares them once; says which failed how often. How many runs failed."""
    failures: collections.Counter[str] = collections.Counter()
    started = time.monotonic()
    for number in range(1, rounds + 1):
        chosen = [step for step in steps if number == 1 or not step.prepares]
        results = run_all(chosen, f"round-{number}-" if rounds > 1 else "")
        failures.update(f"{step.layer} {step.name}" for step, result in zip(chosen, results) if not result.passed)
        print_summary(chosen, results)
        if rounds > 1:
            print(f"round {number} of {rounds}: {sum(failures.values())} failed so far, "
                  f"{(time.monotonic() - started) / 60:.1f} minutes", flush=True)
    for name, count in failures.items():
        print(f"failed in {count} of {rounds} rounds: {name}" if rounds > 1 else f"failed: {name}")
    return sum(failures.values())


def print_summary(steps: list[Step], results: list[Result]) -> None:
    layers: dict[str, float] = collections.defaultdict(float)
    for step, result in zip(steps, results):
        layers[step.layer] += result.core_seconds
    print(f"core seconds by layer ({sum(layers.values()):.0f}): "
          + ", ".join(f"{name} {seconds:.0f}" for name, seconds in layers.items()))
    failed = sum(not result.passed for result in results)
    print(f"{len(results) - failed} passed, {failed} failed", flush=True)


def chosen_steps(options: argparse.Namespace, parser: argparse.ArgumentParser) -> list[Step]:
    if options.changed:
        files = changed_tests.changed_files(ROOT)
        tree = changed_tests.read_tree(ROOT, tidy.read_layers(),
                                       (str(path.relative_to(ROOT)) for path in tidy.project_files()))
        print(f"{len(files)} changed files", flush=True)
        return changed_steps(changed_tests.select(files, tree))
    steps = long_steps(options.fuzz_seconds)[options.long] if options.long else all_steps(options.fuzz_seconds)
    unknown = set(options.layers) - {step.layer for step in steps}
    if unknown:
        parser.error(f"no layer {', '.join(unknown)}; there are "
                     f"{', '.join(dict.fromkeys(step.layer for step in steps))}")
    return [step for step in steps if not options.layers or step.layer in options.layers]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("layers", nargs="*", help="layers to run (default: all)")
    parser.add_argument("--fuzz-seconds", type=int, default=5, help="per fuzz target")
    parser.add_argument("--long", choices=long_steps(0), help="the steps of make test-NAME (of make fuzz), and nothing else")
    parser.add_argument("--changed", action="store_true",
                        help="what the change since main (on main: since the last commit but one) most likely broke")
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="so many rounds; builds are made once")
    parser.add_argument("--busy", action="store_true", help="keep every core busy with a loop meanwhile")
    parser.add_argument("--list", action="store_true", help="print the steps")
    options = parser.parse_args()
    if options.changed and (options.layers or options.long):
        parser.error("--changed chooses the layers itself")
    chosen = chosen_steps(options, parser)
    if options.list:
        print("\n".join(f"{step.layer:9} {step.name:32} {step.command}" for step in chosen))
        return 0
    for target in fuzz_targets():
        (ROOT / "build/fuzz-corpus" / target).mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    failed = 0
    if options.busy:  # builds would get nothing of cores that are kept busy
        failed = repeat([step for step in chosen if step.prepares], 1)
        chosen = [step for step in chosen if not step.prepares]
    with busy_cores() if options.busy else contextlib.nullcontext():
        failed += repeat(chosen, options.repeat)
    print(f"{(time.monotonic() - started) / 60:.1f} minutes")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
