"""The runner itself: rounds, what prepares them, and loops that keep the cores busy and end."""

import contextlib
import io
import os
import pathlib
import sys
import tempfile
import unittest
from unittest import mock

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))

import run_tests  # noqa: E402
import test_steps  # noqa: E402
from changed_tests import Selection  # noqa: E402
from run_tests import Step, busy_cores, repeat  # noqa: E402


def children() -> set[str]:
    return {pid for task in pathlib.Path("/proc/self/task").iterdir()
            for pid in (task / "children").read_text().split()}


class RunnerTest(unittest.TestCase):
    root = run_tests.ROOT

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="a folder ")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        for name, value in (("ROOT", self.folder), ("LOGS", self.folder / "logs")):
            patch = mock.patch.object(run_tests, name, value)
            patch.start()
            self.addCleanup(patch.stop)

    def repeat(self, rounds: int, *steps: Step) -> tuple[int, str]:
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            failed = repeat(list(steps), rounds)
        return failed, printed.getvalue()

    def test_tests_run_every_round_and_what_prepares_them_once(self) -> None:
        failed, _ = self.repeat(3, Step("unit", "build", "echo built >> lines", prepares=True),
                                Step("unit", "tests", "echo tested >> lines"))
        self.assertEqual(failed, 0)
        self.assertEqual((self.folder / "lines").read_text().split(), ["built", "tested", "tested", "tested"])

    def test_one_failure_in_many_rounds_is_a_failure_and_is_named_and_its_log_kept(self) -> None:
        flaky = Step("http", "now and then", "echo x >> runs; [ $(wc -l < runs) != 2 ] || { echo why; exit 3; }")
        failed, printed = self.repeat(4, flaky, Step("http", "sound", "true"))
        self.assertEqual(failed, 1)
        self.assertIn("failed in 1 of 4 rounds: http now and then", printed)
        self.assertNotIn("rounds: http sound", printed)
        self.assertEqual((self.folder / "logs/round-2-01-http-now-and-then.log").read_text(), "why\n")

    def test_steps_of_one_core_keep_their_results_apart(self) -> None:
        failed, printed = self.repeat(1, Step("hub", "good", "true", uses_one_core=True),
                                      Step("terminal", "bad", "false", uses_one_core=True))
        self.assertEqual(failed, 1)
        self.assertIn("failed: terminal bad", printed)

    def test_what_fills_runs_beside_the_next_steps_and_before_those_of_its_own_layer(self) -> None:
        waits = "for i in $(seq 3000); do [ -e {} ] && break; sleep 0.01; done; cat {}"
        failed, _ = self.repeat(
            1, Step("gcc", "build", waits.format("asked", "asked") + " && echo built > built", fills=True),
            Step("http", "meanwhile", "echo > asked"), Step("gcc", "tests", "cat built"))
        self.assertEqual(failed, 0)

    def test_what_fills_leaves_the_cores_to_everything_else(self) -> None:
        failed, _ = self.repeat(1, Step("gcc", "build", "chrt --pid $$ | grep SCHED_IDLE", fills=True))
        self.assertEqual(failed, 0)

    def test_a_failure_far_up_in_a_log_is_shown(self) -> None:
        log = "1: src/a_test.cc:7: Failure\n1: Expected equality\n" + 100 * "fine\n" + "end\n"
        self.assertIn("a_test.cc:7: Failure\n1: Expected equality", run_tests.end_of(log))
        self.assertTrue(run_tests.end_of(log).endswith("end"))

    def test_every_fuzz_target_has_a_corpus_and_is_explored(self) -> None:
        with mock.patch.object(run_tests, "ROOT", self.root):
            targets = test_steps.fuzz_targets()
        self.assertIn("gguf", targets)
        for target in targets:
            self.assertTrue(any((self.root / "tests/corpus" / target).iterdir()), target)

    def test_a_test_that_is_skipped_is_named(self) -> None:
        log = ("3: [  SKIPPED ] MachineSpeed/0 (0 ms)\n3: [  SKIPPED ] 1 test, listed below:\n"
               "3: [  SKIPPED ] MachineSpeed/0\nSKIPPED [1] tests/x.py:3: no namespaces here\n"
               "SKIPPED [9] tests/y.py:5: only with --long\nOK (skipped=2)\n")
        self.assertEqual(run_tests.skipped_tests(log),
                         ["MachineSpeed/0", "tests/x.py:3: no namespaces here", "skipped=2"])
        _, printed = self.repeat(1, Step("unit", "tests", "echo '[  SKIPPED ] A.B (0 ms)'"))
        self.assertIn("skipped: A.B", printed)

    def test_cores_are_busy_inside_the_block_only(self) -> None:
        before = children()
        with busy_cores():
            self.assertEqual(len(children() - before), os.cpu_count())
        self.assertEqual(children() - before, set())

    def test_a_selection_builds_its_programs_and_runs_them_its_layers_and_clang_tidy(self) -> None:
        selection = Selection(frozenset({"http"}), ("engine_test", "gguf_fuzz"), True, ("src/engine/engine.cc",))
        steps = test_steps.changed_steps(selection)
        commands = [step.command for step in steps]
        self.assertIn("cmake --build --preset release --target engine_test gguf_fuzz puna", commands)
        self.assertIn("ctest --preset release --verbose --tests-regex '^(engine_test|gguf_fuzz)(_replay)?$'", commands)
        self.assertEqual(commands[-1], "tools/clang_tidy.py src/engine/engine.cc")
        self.assertEqual(list(dict.fromkeys(step.layer for step in steps)), ["lint", "web", "unit", "http", "tidy"])
        nothing = test_steps.changed_steps(Selection(frozenset(), (), False, ()))
        self.assertEqual({step.layer for step in nothing}, {"lint"})

    def test_every_step_has_a_layer_of_its_own_name_and_all_of_them_can_be_chosen(self) -> None:
        with mock.patch.object(run_tests, "ROOT", self.root):
            names = [(step.layer, step.name) for step in test_steps.all_steps(1)]
        self.assertEqual(len(names), len(set(names)), "logs would overwrite each other")


if __name__ == "__main__":
    unittest.main()
