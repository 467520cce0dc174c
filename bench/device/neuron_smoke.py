"""tools/neuron_smoke.sh: the ladder for Inferentia2 and Trainium, from the driver to answers of several cores.

Each step is one line of a table. What it leaves in the output folder (table, logs, programs as text) is what a report
needs; the last lines say so. Exit code 0: everything that could be tried worked.
"""

import argparse
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "bench/device"))

from served import DeviceError, Server, fresh_folder, largest_difference, list_devices, run_puna, together  # noqa: E402
from tiers import Skipped, Tiers  # noqa: E402

SMALL_MODEL = ROOT / "tests/golden/llama/multi_head"
# Few programs, as each may take the compiler minutes: decoding of 1 and 4 sequences, chunks of 64, 256 positions.
SIZES = ("--max-num-seqs", "4", "--max-model-len", "256", "--max-num-batched-tokens", "64", "--chat-template", "chatml",
         "--no-enable-prefix-caching")
PROMPT = [3 + 37 * number % 250 for number in range(48)]
ANSWER_TOKENS = 24
DEGREES = (2, 4, 8)
# Of log probabilities. neuronx-cc may compute products of f32 in bf16.
EXACT, CLOSE, CLOSE_BF16 = 1e-3, 0.1, 0.25
COMPILED = re.compile(r"program \d+ of \d+, .*, (compiled|loaded) in")


class Smoke:
    def __init__(self, options: argparse.Namespace) -> None:
        self.binary, self.model = options.puna.resolve(), options.model.resolve()
        self.folder = fresh_folder(options.output.resolve())
        self.log = self.folder / "log.txt"
        self.tiers = Tiers()
        self.cores = 0
        self.expected: dict[str, list[float]] = {}

    def flags(self, weights: str, degree: int) -> list[str]:
        return [*SIZES, "--backend", "pjrt", "--device", "neuron", "--weights", weights, "--tp-degree", str(degree),
                "--executable-store", str(self.folder / "store")]

    def serve(self, weights: str, degree: int) -> Server:
        return Server(self.binary, self.model, *self.flags(weights, degree), log=self.log)

    # The steps.

    def driver(self) -> str:
        devices = sorted(pathlib.Path("/dev").glob("neuron[0-9]*"))
        if not devices:
            raise Skipped("no /dev/neuron0: the driver (aws-neuronx-dkms) is not loaded, or this is a rehearsal")
        blocked = [one.name for one in devices if not os.access(one, os.R_OK | os.W_OK)]
        if blocked:
            raise DeviceError(f"{', '.join(blocked)} cannot be opened by this user")
        return f"{len(devices)} chips"

    def compiler(self) -> str:
        found = shutil.which("neuronx-cc")
        if found is None:
            raise Skipped("neuronx-cc is not in PATH: the plugin starts it for every program")
        said = subprocess.run([found, "--version"], capture_output=True, text=True, timeout=120)
        return f"{found}: {(said.stdout + said.stderr).strip().splitlines()[0]}"

    def devices(self) -> str:
        plugin = list_devices(self.binary, "neuron", log=self.log)
        self.cores = len(plugin["devices"])
        return f"{plugin['path']}, PJRT C API {plugin['api_version']}, {self.cores} cores"

    def compile(self) -> list[str]:
        before = self.log.stat().st_size
        run_puna(self.binary, "compile", str(self.model), *self.flags("f32", 1), "--emit-stablehlo",
                 str(self.folder / "programs"), log=self.log)
        return COMPILED.findall(self.log.read_text(errors="replace")[before:])

    def first_compile(self) -> str:
        how = self.compile()
        if not how or set(how) != {"compiled"}:
            raise DeviceError(f"expected compiled programs: {how}")
        return f"{len(how)} programs, their text accepted"

    def second_compile(self) -> str:
        how = self.compile()
        if set(how) != {"loaded"}:
            raise DeviceError(f"{how.count('compiled')} of {len(how)} programs were compiled again: see the log")
        return f"{len(how)} programs loaded from the store"

    def processor(self) -> str:
        for weights in ("f32", "bf16"):
            with Server(self.binary, self.model, *SIZES, "--backend", "cpu", "--weights", weights,
                        "--packed-weights", "off", log=self.log) as server:
                self.expected[weights] = server.scores(PROMPT)
        return "answers to compare with"

    def compared(self, server: Server, weights: str) -> str:
        if weights not in self.expected:
            raise Skipped("there is nothing to compare with")
        difference = largest_difference(server.scores(PROMPT), self.expected[weights])
        if not difference <= (CLOSE_BF16 if weights == "bf16" else CLOSE):
            raise DeviceError(f"log probabilities differ from the processor's by {difference:.3g}")
        words = "equal to rounding" if difference <= EXACT else "close"
        return f"{words}: log probabilities differ by at most {difference:.1e}"

    def one_core(self) -> str:
        with self.serve("f32", 1) as server:
            return self.compared(server, "f32")

    def one_core_bf16(self) -> str:
        with self.serve("bf16", 1) as server:
            words = self.compared(server, "bf16")
            began = time.monotonic()
            server.answer(PROMPT, 100)
            return f"{words}; {100 / (time.monotonic() - began):.0f} tokens/s of this small model"

    def bits(self) -> str:
        with self.serve("bf16", 1) as server:
            alone = server.answer(PROMPT, ANSWER_TOKENS)
            again = server.answer(PROMPT, ANSWER_TOKENS)
            among = together([lambda: server.answer(PROMPT, ANSWER_TOKENS)] * 4)
        company = largest_difference(alone, among[0])
        if again != alone:
            raise DeviceError(f"the same request gave other numbers: by {largest_difference(alone, again):.1e}")
        return "the same again; " + ("the same among four" if all(one == alone for one in among) else
                                     f"among four they differ by {company:.1e}, which is no fault")

    def several_cores(self, degree: int) -> str:
        if degree > self.cores:
            raise Skipped(f"this process has {self.cores} cores")
        try:
            with self.serve("f32", degree) as server:
                return self.compared(server, "f32")
        except DeviceError as failure:
            if "use one of" in str(failure):  # the model's heads decide
                raise Skipped(str(failure)) from None
            raise

    def climb(self) -> None:
        run = self.tiers.run
        run("driver", self.driver)
        run("compiler", self.compiler)
        if not run("plugin and devices", self.devices):
            return
        run("answers of the processor", self.processor)
        if not run("compile", self.first_compile):
            return
        run("compile again", self.second_compile)
        run("1 core, f32", self.one_core)
        run("1 core, bf16", self.one_core_bf16)
        run("bits", self.bits)
        for degree in DEGREES:
            run(f"{degree} cores, f32", lambda: self.several_cores(degree))

    def report(self) -> pathlib.Path:
        version = run_puna(self.binary, "--version", log=self.log).strip()
        machine = pathlib.Path("/sys/devices/virtual/dmi/id/product_name")
        head = [f"{version}; {platform.platform()}; "
                f"{machine.read_text().strip() if machine.exists() else 'unknown machine'}; model {self.model.name}", ""]
        head += [f"{name}={value}" for name, value in sorted(os.environ.items()) if name.startswith("NEURON_")]
        (self.folder / "report.md").write_text("\n".join(head) + "\n\n" + self.tiers.table())
        (self.folder / "report.json").write_text(self.tiers.json())
        # Compiled programs are large and AWS's; a report does without.
        shutil.rmtree(self.folder / "store", ignore_errors=True)
        archive = self.folder.with_suffix(".tar.gz")
        with tarfile.open(archive, "w:gz") as packed:
            packed.add(self.folder, self.folder.name)
        return archive


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], prog="tools/neuron_smoke.sh")
    parser.add_argument("--puna", type=pathlib.Path, default=ROOT / "build/release/bin/puna", help="the program to try")
    parser.add_argument("--model", type=pathlib.Path, default=SMALL_MODEL, help="checkpoint (default: a very small one)")
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("neuron-smoke"),
                        help="folder that is made anew for the report")
    options = parser.parse_args()
    if not options.puna.exists():
        parser.error(f"{options.puna} is not there: make build, or give --puna")
    try:
        smoke = Smoke(options)
    except DeviceError as failure:
        parser.error(str(failure))
    smoke.climb()
    archive = smoke.report()
    print(f"\n{(smoke.folder / 'report.md').read_text()}\nPlease send {archive} with a new issue of the project, whatever "
          "the result: it holds this table, the\nlog, the programs as text, the machine's type and the NEURON_… variables.")
    return 1 if smoke.tiers.failed or smoke.cores == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
