"""tools/neuron_smoke.sh and bench/device/check.sh, rehearsed on the reference plugin, the second from what pack.sh packs."""

import json
import os
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "bench/device"))

from check import Check, unsupported  # noqa: E402
from neuron_smoke import Smoke  # noqa: E402
from served import DeviceError, fresh_folder, last_error  # noqa: E402
from tiers import FAILED, OK, SKIPPED, Skipped, Tiers  # noqa: E402

PLUGIN = ROOT / "build/release/bin/libpjrt_ref.so"
NEURON = {"NEURON_PJRT_PLUGIN": str(PLUGIN), "PUNA_REFERENCE_PLUGIN": "neuron", "NEURON_RT_NUM_CORES": "24"}
BARE = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}
# So that a rehearsal takes seconds; the rest is as on a GPU.
SMALL = ["--batch", "1,2", "--depth", "16", "--prefill", "64", "--steps", "4", "--streams", "4", "--served-tokens", "24"]


def run(*command: object, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(one) for one in command], env=BARE | variables, capture_output=True, text=True, timeout=300)


class Rehearsal(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def results(self, file: str) -> dict[str, dict[str, str]]:
        found = json.loads((self.folder / file).read_text())
        return {one["name"]: one for one in (found if isinstance(found, list) else found["tiers"])}

    def test_the_ladder_for_neuron_climbs_and_leaves_what_a_report_needs(self) -> None:
        done = run(ROOT / "tools/neuron_smoke.sh", "--output", self.folder / "smoke", variables=NEURON)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        tiers = self.results("smoke/report.json")
        self.assertIn("24 cores", tiers["plugin and devices"]["detail"])
        not_run = {name for name, one in tiers.items() if one["result"] != OK}
        # What is not on this machine, and a degree that the small model's four heads do not allow.
        self.assertEqual(not_run, {"driver", "compiler", "8 cores, f32"})
        for cores in ("1 core", "2 cores", "4 cores"):
            self.assertIn("equal to rounding", tiers[f"{cores}, f32"]["detail"])
        with tarfile.open(self.folder / "smoke.tar.gz") as archive:
            names = archive.getnames()
        self.assertTrue({"smoke/report.md", "smoke/report.json", "smoke/log.txt"} <= set(names))
        self.assertTrue([name for name in names if name.endswith(".mlir")])
        self.assertIn("| bits | ok |", done.stdout)
        self.assertIn("smoke.tar.gz", done.stdout)

    def test_without_a_plugin_the_ladder_says_what_is_missing(self) -> None:
        done = run(ROOT / "tools/neuron_smoke.sh", "--output", self.folder / "smoke",
                   variables={"NEURON_PJRT_PLUGIN": "/nowhere/libneuronpjrt.so"})
        self.assertEqual(done.returncode, 1)
        one = self.results("smoke/report.json")["plugin and devices"]
        self.assertEqual(one["result"], FAILED)
        self.assertIn("/nowhere/libneuronpjrt.so", one["detail"])

    def test_the_check_of_a_gpu_runs_from_its_packed_folder(self) -> None:
        packed = run(ROOT / "bench/device/pack.sh", self.folder / "packed", variables={"PUNA_REFERENCE": "1"})
        self.assertEqual(packed.returncode, 0, packed.stderr)
        megabytes = int(re.search(r": (\d+) MB;", packed.stdout)[1])
        self.assertLess(megabytes, 60)
        here = self.folder / "packed"
        done = run(here / "bench/device/check.sh", "--device", here / "lib/libpjrt_ref.so", "--output", self.folder / "out",
                   "--model", here / "tests/golden/llama/multi_head", *SMALL, variables={})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        tiers = self.results("out/check.json")
        for name in ("plugin and devices", "numbers, f32", "numbers, bf16", "bits", "store", "served multi_head, bf16"):
            self.assertEqual(tiers[name]["result"], OK, tiers[name])
        for weights in ("bf16", "int8", "int4"):
            for line in (f"numbers, {weights}", f"bench multi_head, {weights}"):
                self.assertIn(tiers[line]["result"], (OK, SKIPPED))
                self.assertTrue(tiers[line]["detail"], "what was not run says why")
        rows = json.loads((self.folder / "out/check.json").read_text())["rows"]
        self.assertGreater(next(one for one in rows if one["test"].startswith("served"))["tokens_per_second"], 0)
        self.assertIn("| numbers, int8 |", done.stdout)

    def test_no_folder_of_somebody_else_is_emptied(self) -> None:
        (self.folder / "letters.txt").write_text("dear")
        with self.assertRaisesRegex(DeviceError, "something else"):
            fresh_folder(self.folder)
        done = run(ROOT / "bench/device/pack.sh", self.folder, variables={})
        self.assertEqual(done.returncode, 1)
        self.assertEqual(os.listdir(self.folder), ["letters.txt"])


class Server:
    """Gives the same numbers to whoever asks."""

    def __init__(self, *numbers: float) -> None:
        self.numbers = list(numbers)

    def scores(self, prompt: object) -> list[float]:
        return self.numbers


class Judgements(unittest.TestCase):
    def test_numbers_that_differ_fail_and_close_ones_do_not(self) -> None:
        smoke = Smoke.__new__(Smoke)
        smoke.expected = {"f32": [-1.0, -2.0]}
        self.assertIn("equal to rounding", smoke.compared(Server(-1.0, -2.0005), "f32"))
        self.assertIn("close", smoke.compared(Server(-1.0, -2.05), "f32"))
        for wrong in ((-1.0, -2.5), (-1.0, float("nan")), (-1.0,)):
            with self.assertRaises(DeviceError):
                smoke.compared(Server(*wrong), "f32")

    def test_what_a_build_lacks_is_not_run_and_what_is_wrong_fails(self) -> None:
        tiers = Tiers()

        def fail(words: str) -> str:
            raise unsupported(DeviceError(words))

        tiers.run("format", lambda: fail("--weights int8: devices hold weights as bf16 or f32"))
        tiers.run("crash", lambda: fail("puna serve ended: the device does not answer"))
        self.assertEqual([one.result for one in tiers.tiers], [SKIPPED, FAILED])
        self.assertTrue(tiers.failed)

    def test_nothing_is_begun_when_the_time_is_up(self) -> None:
        check = Check.__new__(Check)
        check.ends, check.options = 0.0, type("Options", (), {"minutes": 8.0})
        with self.assertRaisesRegex(Skipped, "no time was left of 8 minutes"):
            check.left()

    def test_the_line_that_says_why_is_found(self) -> None:
        self.assertEqual(last_error("I loading\nerror: no such model\nI end\n"), "no such model")
        self.assertEqual(last_error("I loading\n"), "I loading")


if __name__ == "__main__":
    unittest.main()
