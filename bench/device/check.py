"""bench/device/check.sh: whether a device computes what the processor computes, and how fast, as one table and one JSON.

In this order, each with what is left of --minutes: devices; log probabilities of a small checkpoint against the CPU backend
in every weight format; bits; the store of programs; `puna bench` of each shape in each format (decode by batch and depth,
prefill; the share of the read bandwidth that the same process measured); `puna serve` with streams against that rate.
What this build cannot do, what did not fit and what no time was left for has its line too. Exit code 0: nothing is wrong.
"""

import argparse
import contextlib
import io
import json
import pathlib
import platform
import shutil
import subprocess
import sys
import time
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "bench/device"), str(ROOT / "bench/peers")]

import make_random_checkpoint  # noqa: E402
from served import DeviceError, Server, fresh_folder, largest_difference, list_devices, run_puna, together  # noqa: E402
from streams import served_rate  # noqa: E402
from tiers import Skipped, Tiers  # noqa: E402

SMALL_MODEL = ROOT / "tests/golden/llama/multi_head"
FORMATS = ("bf16", "int8", "int4")
PROMPT = [3 + 37 * number % 250 for number in range(100)]
SIZES = ("--max-num-seqs", "8", "--max-model-len", "512", "--max-num-batched-tokens", "64", "--chat-template", "chatml",
         "--no-enable-prefix-caching")
# Of log probabilities, against the CPU backend in the same format; a device may compute products of f32 in TF32, and
# requantises int4 in its own way.
LIMITS = {"f32": 2e-2, "bf16": 0.25, "int8": 0.25, "int4": 1.5}
# What a build or a plugin without a format says.
UNSUPPORTED = ("devices hold weights as", "not in this version", "were not expected", "not in this build")
SERVED_TOKENS, SERVED_PROMPT = 128, 128
LAST_S = 20.0  # a step that has less than this is not begun


class Check:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.binary = options, options.puna.resolve()
        self.plugin_options = [word for one in options.pjrt_option for word in ("--pjrt-option", one)]
        self.ends = time.monotonic() + 60 * options.minutes
        self.folder = fresh_folder(options.output.resolve())
        self.log = self.folder / "log.txt"
        self.tiers = Tiers()
        self.device: dict[str, Any] = {}
        self.benches: list[dict[str, Any]] = []
        self.rows: list[dict[str, Any]] = []

    def left(self) -> float:
        seconds = self.ends - time.monotonic()
        if seconds < LAST_S:
            raise Skipped(f"no time was left of {self.options.minutes:g} minutes")
        return seconds

    def device_flags(self) -> list[str]:
        return ["--backend", "pjrt", "--device", self.options.device, *self.plugin_options]

    def serve(self, model: pathlib.Path, *flags: str) -> Server:
        return Server(self.binary, model, *flags, *self.device_flags(), "--executable-store", str(self.folder / "store"),
                      log=self.log, seconds=self.left())

    # What is here.

    def devices(self) -> str:
        self.device = plugin = list_devices(self.binary, self.options.device, *self.plugin_options, log=self.log)
        kinds = [one["kind"] for one in plugin["devices"]]
        gib = plugin["devices"][0].get("memory_bytes", 0) / 2**30
        return f"{len(kinds)} x {kinds[0]}{f', {gib:.0f} GiB' if gib else ''}; PJRT C API {plugin['api_version']}, {plugin['path']}"

    def driver(self) -> str:
        found = shutil.which("nvidia-smi")
        if found is None:
            raise Skipped("no nvidia-smi here")
        asked = [found, "--query-gpu=name,driver_version,memory.total,clocks.max.mem,power.limit", "--format=csv,noheader"]
        said = subprocess.run(asked, capture_output=True, text=True, timeout=60)
        return "; ".join(said.stdout.strip().splitlines()) or said.stderr.strip()

    # Numbers.

    def numbers(self, weights: str) -> str:
        flags = [*SIZES, "--weights", weights]
        with Server(self.binary, SMALL_MODEL, *flags, "--backend", "cpu", "--packed-weights", "off", log=self.log) as server:
            expected = server.scores(PROMPT)
        try:
            with self.serve(SMALL_MODEL, *flags) as server:
                found = server.scores(PROMPT)
        except DeviceError as failure:
            raise unsupported(failure) from None
        difference = largest_difference(found, expected)
        if not difference <= LIMITS[weights]:
            raise DeviceError(f"log probabilities differ from the CPU backend's by {difference:.3g}, more than {LIMITS[weights]}")
        return f"log probabilities differ from the CPU backend's by at most {difference:.1e}"

    def bits(self) -> str:
        """Alone, once more, and each of eight at once: rows and sizes of programs are others then."""
        with self.serve(SMALL_MODEL, *SIZES, "--weights", "bf16") as server:
            alone = server.answer(PROMPT[:40], 32)
            again = server.answer(PROMPT[:40], 32)
            among = together([lambda: server.answer(PROMPT[:40], 32)] * 8)
            long = server.scores(PROMPT), server.scores(PROMPT)  # two chunks
            probes = [line.split(" ", 2)[-1] for line in server.log().splitlines() if "probe" in line or "bucket" in line]
        if again != alone or long[0] != long[1]:
            raise DeviceError(f"the same request gave other bits: by {largest_difference(alone, again):.1e}")
        equal = sum(one == alone for one in among)
        worst = max(largest_difference(one, alone) for one in among)
        return "; ".join([f"the same request: equal; among eight: {equal} of 8 equal"
                          + (f" (by at most {worst:.1e})" if equal < 8 else ""), *probes])

    def store(self) -> str:
        with self.serve(SMALL_MODEL, *SIZES, "--weights", "bf16") as server:
            how = [line for line in server.log().splitlines() if ", compiled in" in line or ", loaded in" in line]
        compiled = sum(", compiled in" in line for line in how)
        if compiled:
            raise DeviceError(f"{compiled} of {len(how)} programs were compiled again: {how[0]}")
        return f"a second start loads {len(how)} programs and compiles none"

    # Speed.

    def bench(self, shape: str, weights: str) -> str:
        options = self.options
        if "--backend" not in run_puna(self.binary, "bench", "--help", log=self.log):
            raise Skipped("puna bench has no --backend in this build")
        model = ["--shape", shape] if not options.model else [str(options.model)]
        layers = ["--layers", str(options.layers)] if options.layers else []
        text = [",".join(map(str, values)) for values in (options.batch, options.depth, options.prefill)]
        try:
            said = run_puna(self.binary, "bench", *model, *layers, *self.device_flags(), "--weights", weights, "--batch", text[0],
                            "--depth", text[1], "--prefill", text[2], "--decode", str(options.steps), "--rounds",
                            str(options.rounds), "--json", log=self.log, seconds=self.left())
        except DeviceError as failure:
            raise unsupported(failure) from None
        report: dict[str, Any] = json.loads(said)
        self.benches.append({"shape": shape, "weights": weights, **report})
        self.add_rows(shape, weights, report)
        bandwidth = report["read_bandwidth_bytes_per_second"] / 1e9
        missing = len(options.batch) * len(options.depth) + len(options.prefill) - len(report["results"])
        return (f"{len(report['results'])} tests, read bandwidth {bandwidth:.4g} GB/s, opened in {report['load_seconds']:.1f} s"
                + (f"; {missing} did not fit" if missing else ""))

    def add_rows(self, shape: str, weights: str, report: dict[str, Any]) -> None:
        found = {(one["test"], one["batch"] if one["test"] == "decode" else one["tokens"], one["depth"]): one
                 for one in report["results"]}
        wanted = [("decode", batch, depth) for depth in self.options.depth for batch in self.options.batch]
        wanted += [("prefill", tokens, 0) for tokens in self.options.prefill]
        for kind, count, depth in wanted:
            one = found.get((kind, count, depth))
            words = f"{kind} {count} at {depth}" if kind == "decode" else f"{kind} {count}"
            self.rows.append({"shape": shape, "weights": weights, "test": words,
                              "tokens_per_second": one and one["tokens_per_second"],
                              "share_of_limit": one and one["share_of_limit"]})

    def served(self) -> str:
        options, shape = self.options, self.options.shapes[0]
        self.left()
        model = options.model or self.folder / "model"
        if not options.model:
            layers = ["--layers", str(options.layers)] if options.layers else []
            with contextlib.redirect_stdout(io.StringIO()):
                make_random_checkpoint.main([shape, str(model), *layers])
        try:
            with self.serve(model, "--weights", "bf16", "--max-num-seqs", str(options.streams), "--max-model-len",
                            str(SERVED_PROMPT + options.served_tokens + 64), "--chat-template", "chatml") as server:
                served_rate(server, options.streams, 8, 8)  # what a first step has to set up
                rate, at_once = served_rate(server, options.streams, SERVED_PROMPT, options.served_tokens)
        finally:
            if not options.model:
                shutil.rmtree(model, ignore_errors=True)
        depth = min(options.depth, key=lambda one: abs(one - SERVED_PROMPT))
        row = next((one for one in self.rows if one["weights"] == "bf16" and one["shape"] == shape
                    and one["test"] == f"decode {options.streams} at {depth}"), None)
        against = "no rate of puna bench to compare with"
        if row and row["tokens_per_second"]:
            against = f"{100 * rate / row['tokens_per_second']:.0f} % of puna bench at {depth}"
        self.rows.append({"shape": shape, "weights": "bf16", "test": f"served, {options.streams} streams",
                          "tokens_per_second": rate, "share_of_limit": None})
        return (f"{rate:.0f} tokens/s over HTTP, {against}; ready in {server.ready_s:.1f} s"
                + ("" if at_once else "; the streams were never all there at once"))

    def all(self) -> None:
        run, options = self.tiers.run, self.options
        run("driver", self.driver)
        if not run("plugin and devices", self.devices):
            return
        for weights in ("f32", *FORMATS):
            run(f"numbers, {weights}", lambda: self.numbers(weights))
        run("bits", self.bits)
        run("store", self.store)
        # The served run needs its rate to compare with, and must not be what no time is left for.
        work = [(shape, weights) for weights in FORMATS for shape in options.shapes]
        for number, (shape, weights) in enumerate(work):
            run(f"bench {shape}, {weights}", lambda: self.bench(shape, weights))
            if number == 0:
                run(f"served {shape}, bf16", self.served)

    # The report.

    def write(self) -> str:
        version = run_puna(self.binary, "--version", log=self.log).strip()
        head = f"{version}; {platform.platform()}; {self.device.get('path', 'no plugin')}\n\n"
        lines = ["| model | weights | test | tokens/s | of the limit |", "|---|---|---|---|---|"]
        for one in self.rows:
            rate = f"{one['tokens_per_second']:.1f}" if one["tokens_per_second"] else "did not fit"
            share = f"{100 * one['share_of_limit']:.0f} %" if one["share_of_limit"] else ""
            lines.append(f"| {one['shape']} | {one['weights']} | {one['test']} | {rate} | {share} |")
        table = head + self.tiers.table() + ("\n" + "\n".join(lines) + "\n" if self.rows else "")
        (self.folder / "check.md").write_text(table)
        (self.folder / "check.json").write_text(json.dumps(
            {"version": version, "platform": platform.platform(), "device": self.device,
             "tiers": json.loads(self.tiers.json()), "rows": self.rows, "benches": self.benches}, indent=1) + "\n")
        shutil.rmtree(self.folder / "store", ignore_errors=True)
        return table


def unsupported(failure: DeviceError) -> Exception:
    """The same failure, or that this build lacks what was asked for."""
    return Skipped(f"not in this build: {failure}") if any(one in str(failure) for one in UNSUPPORTED) else failure


def numbers_of(text: str) -> list[int]:
    return [int(one) for one in text.split(",")]


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/device/check.sh", description=__doc__.splitlines()[0])
    packed = ROOT / "bin/puna"
    parser.add_argument("--puna", type=pathlib.Path, default=packed if packed.exists() else ROOT / "build/release/bin/puna")
    parser.add_argument("--device", default="cuda", help="cuda, tpu, cpu, or a plugin's file")
    parser.add_argument("--pjrt-option", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("device-check"),
                        help="folder that is made anew; a random checkpoint needs room there (14 GB for 7B), for a while")
    parser.add_argument("--minutes", type=float, default=8, help="what is not begun by then is listed as not run")
    parser.add_argument("--shapes", type=lambda text: text.split(","), default=["llama-2-7b", "llama-2-13b"])
    parser.add_argument("--model", type=pathlib.Path, help="a checkpoint instead of random weights of the shapes")
    parser.add_argument("--layers", type=int, default=0, help="only so many, for a quick look")
    parser.add_argument("--batch", type=numbers_of, default=[1, 8, 32])
    parser.add_argument("--depth", type=numbers_of, default=[256, 1024, 4096])
    parser.add_argument("--prefill", type=numbers_of, default=[512, 2048])
    parser.add_argument("--steps", type=int, default=32, help="of each decoding test")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--streams", type=int, default=32)
    parser.add_argument("--served-tokens", type=int, default=SERVED_TOKENS)
    options = parser.parse_args()
    if not options.puna.exists():
        parser.error(f"{options.puna} is not there: make build, or give --puna")
    if options.model:
        options.shapes = [options.model.name]
    return options


def main() -> int:
    try:
        check = Check(parse_options())
    except DeviceError as failure:
        print(f"error: {failure}", file=sys.stderr)
        return 2
    check.all()
    print(f"\n{check.write()}\n{check.folder}/check.md and check.json have this; log.txt what the programs said.")
    return 1 if check.tiers.failed or not check.device else 0


if __name__ == "__main__":
    sys.exit(main())
