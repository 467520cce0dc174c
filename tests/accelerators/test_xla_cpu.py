"""The server on XLA's plugin for CPUs (PUNA_PJRT_PLUGIN): every degree, the store of programs, and a rehearsal of the
check for GPUs with random weights of a real shape. A part of `make test-accelerators`."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / one) for one in ("bench/device", "tests/golden")]

from golden_heads import with_heads  # noqa: E402
from served import Server, largest_difference  # noqa: E402

BINARY = ROOT / os.environ.get("PUNA_BINARY", "build/release/bin/puna")
PLUGIN = os.environ["PUNA_PJRT_PLUGIN"]
FLAGS = ("--weights", "f32", "--max-num-seqs", "4", "--max-model-len", "256", "--max-num-batched-tokens", "64",
         "--chat-template", "chatml")
PROMPT = [3 + 37 * number % 250 for number in range(80)]


class XlaCpu(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.log = self.folder / "log.txt"

    def numbers(self, model: pathlib.Path, *flags: str) -> tuple[list[float], str]:
        """The scores of a prompt, and a greedy answer."""
        with Server(BINARY, model, *FLAGS, *flags, log=self.log) as server:
            return server.scores(PROMPT), server.completion(PROMPT[:20], max_tokens=30)["text"]

    def test_every_degree_gives_the_processors_answers(self) -> None:
        for name in ("multi_head", "grouped_query_tied"):  # of the second, degree 8 has each of 4 KV heads twice
            model = with_heads(self.folder / name, 8, name)
            scores, answer = self.numbers(model, "--backend", "cpu", "--packed-weights", "off")
            self.assertTrue(answer)
            for degree in (1, 2, 4, 8):
                with self.subTest(model=name, degree=degree):
                    found = self.numbers(model, "--backend", "pjrt", "--device", PLUGIN, "--tp-degree", str(degree),
                                         "--executable-store", "off")
                    self.assertLess(largest_difference(found[0], scores), 1e-4)
                    self.assertEqual(found[1], answer)

    def test_the_check_for_gpus_is_rehearsed_with_a_real_shape(self) -> None:
        done = subprocess.run(
            [ROOT / "bench/device/check.sh", "--puna", BINARY, "--device", PLUGIN, "--output", self.folder / "out", "--shapes",
             "smollm2-135m", "--layers", "1", "--batch", "1,2", "--depth", "64", "--prefill", "64", "--steps", "4", "--streams",
             "2", "--served-tokens", "64"], capture_output=True, text=True, timeout=900)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        report = json.loads((self.folder / "out/check.json").read_text())
        tiers = {one["name"]: one for one in report["tiers"]}
        for name in ("numbers, f32", "numbers, bf16", "bits", "store", "served smollm2-135m, bf16"):
            self.assertEqual(tiers[name]["result"], "ok", tiers[name])
        self.assertIn("compiles none", tiers["store"]["detail"])


if __name__ == "__main__":
    unittest.main()
