"""bench/plan_check.py with a program in puna's place: it asks both, compares medians and says what differs."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
RATES = {("prefill", 1, 0): 1000.0, ("decode", 1, 0): 50.0, ("decode", 8, 0): 200.0}
# The plan says `share` of what bench measures.
PUNA = """#!/usr/bin/env python3
import json, sys
rates = {rates}
assert sys.argv[1] in ("plan", "bench") and "--json" in sys.argv, sys.argv
share = {share} if sys.argv[1] == "plan" else 1
tests = [dict(test=t, batch=b, depth=d, tokens_per_second=r * share) for (t, b, d), r in rates.items()]
print(json.dumps(dict(here=dict(tests=tests), results=tests)))
"""


def check(share: float, *arguments: str) -> subprocess.CompletedProcess[str]:
    with tempfile.TemporaryDirectory() as folder:
        puna = pathlib.Path(folder) / "puna"
        puna.write_text(PUNA.format(rates=RATES, share=share))
        puna.chmod(0o755)
        return subprocess.run([sys.executable, ROOT / "bench/plan_check.py", "--binary", puna, "--rounds", "2", *arguments],
                              capture_output=True, text=True, check=False)


class PlanCheckTest(unittest.TestCase):
    def test_a_plan_within_the_tolerance_is_good(self) -> None:
        done = check(1.1, "llama-2-7b:int4")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("| llama-2-7b | int4 | decode x8 | 220.0 | 200.0 | +10 % | yes |", done.stdout)

    def test_one_that_is_further_off_is_said_and_fails(self) -> None:
        done = check(0.8)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stdout.count("| -20 % | no |"), 9, "three tests of three shapes")

    def test_an_error_of_puna_is_passed_on(self) -> None:
        done = subprocess.run([sys.executable, ROOT / "bench/plan_check.py", "--binary", "/bin/false"],
                              capture_output=True, text=True, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("error: puna plan", done.stderr)


if __name__ == "__main__":
    unittest.main()
