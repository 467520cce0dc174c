#!/usr/bin/env python3
"""Is `puna plan --on here` right? Predicted and measured speeds of three shapes, in turn in the same run.

Each round asks the planner (which measures this machine for a second) and then `puna bench`, so that both meet the
same minutes; medians are compared. Exit code 1 when one differs by more than --tolerance. Nothing else may run
meanwhile: memory that neighbours use is not there for us.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SHAPES = ["smollm2-135m:int8", "tinyllama-1.1b:int8", "llama-2-7b:int4"]
TESTS = [("prefill", 1, 0), ("decode", 1, 0), ("decode", 8, 0)]


def run(binary: pathlib.Path, *words: str) -> dict:
    done = subprocess.run([binary, *words, "--json"], capture_output=True, text=True, check=False)
    if not done.stdout:
        sys.exit(f"error: puna {' '.join(words)}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def rates(results: list[dict]) -> dict[tuple[str, int, int], float]:
    return {(one["test"], int(one["batch"]), int(one["depth"])): one["tokens_per_second"] for one in results}


def one_round(options: argparse.Namespace, shape: str, weights: str) -> tuple[dict, dict]:
    words = ["--shape", shape, "--weights", weights, "--threads", str(options.threads)]
    # A limit that every machine keeps: what is asked here is the speed.
    planned = run(options.binary, "plan", *words, "--on", "here", "--tpot-ms", "1000000", "--ttft-ms", "10000000")
    measured = run(options.binary, "bench", *words, "--rounds", "1", "--prefill", "512", "--decode", "32",
                   "--batch", "1,8", "--depth", "0")
    return rates(planned["here"]["tests"]), rates(measured["results"])


def compare(options: argparse.Namespace, shape: str, weights: str) -> bool:
    rounds = [one_round(options, shape, weights) for _ in range(options.rounds)]
    good = True
    for test in TESTS:
        predicted = statistics.median(one[0][test] for one in rounds)
        measured = statistics.median(one[1][test] for one in rounds)
        off = predicted / measured - 1
        held = abs(off) <= options.tolerance
        good = good and held
        name = "prefill 512" if test[0] == "prefill" else f"decode x{test[1]}"
        print(f"| {shape} | {weights} | {name} | {predicted:.1f} | {measured:.1f} | {100 * off:+.0f} % | "
              f"{'yes' if held else 'no'} |", flush=True)
    return good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", type=pathlib.Path, default=ROOT / "build/release/bin/puna")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--tolerance", type=float, default=0.15)
    parser.add_argument("shapes", nargs="*", default=SHAPES, help="SHAPE:WEIGHTS")
    options = parser.parse_args()
    print(f"| shape | weights | test | predicted tokens/s | measured | off | within {100 * options.tolerance:.0f} % |")
    print("| --- | --- | --- | ---: | ---: | ---: | --- |")
    return 0 if all([compare(options, *one.split(":")) for one in options.shapes]) else 1


if __name__ == "__main__":
    sys.exit(main())
