"""puna bench: the fields of its JSON, by name and type, the table, and wrong flags. No speed is judged."""

import json
import unittest

from terminal_session import ROOT, TerminalSession, run

MODEL = str(ROOT / "build/models/SmolLM2-135M-Instruct.Q4_1.gguf")
QUICK = ("--layers", "1", "--prefill", "16", "--decode", "2", "--batch", "1,3", "--depth", "0,100",
         "--rounds", "2")
NUMBER = (int, float)
# The contract with scripts.
FIELDS = {"machine": dict, "model": dict, "backend": str, "weights": str, "group": int, "threads": int,
          "load_seconds": NUMBER, "resident_bytes": int, "read_bandwidth_bytes_per_second": NUMBER,
          "int8_operations_per_second": NUMBER, "results": list}
MACHINE_FIELDS = {"cpu": str, "cores": int, "isa": str}
MODEL_FIELDS = {"name": str, "layers": int, "weight_bytes": int, "step_weight_bytes": int,
                "kv_bytes_per_token": int}
RESULT_FIELDS = {"test": str, "tokens": int, "batch": int, "depth": int, "tokens_per_second": NUMBER,
                 "samples": list, "share_of_limit": NUMBER}

SERVED_FIELDS = {"sampling": str, "share_of_decode": NUMBER}


class BenchTest(unittest.TestCase):
    def assert_fields(self, value: dict, fields: dict) -> None:
        self.assertEqual(list(value), list(fields))
        for name, kind in fields.items():
            self.assertIsInstance(value[name], kind, name)
            if kind in (int, NUMBER) and name not in ("group", "depth"):
                self.assertGreater(value[name], 0, name)

    def bench(self, *arguments: str) -> dict:
        done = run("bench", *arguments, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        report = json.loads(done.stdout)
        self.assert_fields(report, FIELDS)
        self.assert_fields(report["machine"], MACHINE_FIELDS)
        self.assert_fields(report["model"], MODEL_FIELDS)
        for result in report["results"]:
            self.assert_fields(result, RESULT_FIELDS | (SERVED_FIELDS if result["test"] == "served" else {}))
        return report

    def test_a_shape_needs_no_file_and_gives_all_fields(self) -> None:
        report = self.bench("--shape", "tinyllama-1.1b", *QUICK)
        self.assertEqual(report["model"]["name"], "tinyllama-1.1b")
        self.assertEqual(report["model"]["layers"], 1)
        # K and V of one layer, four heads of 64 values, bf16.
        self.assertEqual(report["model"]["kv_bytes_per_token"], 2 * 4 * 64 * 2)
        # The embedding is looked up, the head is read: a matrix of 32000 times 2048 each.
        looked_up = report["model"]["weight_bytes"] - report["model"]["step_weight_bytes"]
        self.assertGreaterEqual(looked_up, 32000 * 2048)
        tests = [(result["test"], result["tokens"], result["batch"], result["depth"])
                 for result in report["results"]]
        self.assertEqual(tests, [("prefill", 16, 1, 0), ("decode", 2, 1, 0), ("decode", 2, 3, 0),
                                 ("decode", 2, 1, 100), ("decode", 2, 3, 100)])
        for result in report["results"]:
            self.assertEqual(len(result["samples"]), 2)
            self.assertGreaterEqual(result["tokens_per_second"], min(result["samples"]))
            self.assertLessEqual(result["tokens_per_second"], max(result["samples"]))

    def test_a_checkpoint_is_measured_with_the_threads_and_weights_asked_for(self) -> None:
        report = self.bench(MODEL, *QUICK, "--threads", "1", "--weights", "bf16")
        self.assertEqual((report["threads"], report["weights"], report["group"]), (1, "bf16", 0))
        self.assertEqual(report["model"]["name"], "SmolLM2-135M-Instruct.Q4_1")

    def test_what_clients_get_is_measured_beside_the_backend(self) -> None:
        for model in ((MODEL,), ("--shape", "smollm2-135m")):
            report = self.bench(*model, "--layers", "1", "--prefill", "0", "--decode", "4", "--batch", "1,3",
                                "--depth", "0", "--rounds", "1", "--served")
            tests = [(result["test"], result["batch"], result["depth"], result.get("sampling"))
                     for result in report["results"]]
            self.assertEqual(tests[:2], [("decode", 1, 0, None), ("decode", 3, 0, None)])
            self.assertEqual(tests[2:], [("served", 1, 0, "top_k 50"), ("served", 1, 0, "greedy"),
                                         ("served", 3, 0, "top_k 50"), ("served", 3, 0, "greedy")])

    def test_the_table_is_for_people(self) -> None:
        with TerminalSession("bench", "--shape", "smollm2-135m", *QUICK) as bench:
            bench.wait_for("round 2 of 2")
            bench.wait_for("smollm2-135m, 1 layers, int8")
            bench.wait_for("share of the limit")
            self.assertRegex(bench.wait_for("% of "), r"prefill +16 +1 +0 +[0-9.]+ +[0-9.]+-[0-9.]+")
            self.assertEqual(bench.exit_code(), 0)

    def test_wrong_flags_say_what_is_wrong(self) -> None:
        for code, words, arguments in (
                (2, "needs a MODEL or --shape", ()),
                (2, "--shape", (MODEL, "--shape", "llama-2-7b")),
                (2, "--batch", ("--shape", "llama-2-7b", "--batch", "1,0")),
                (2, "--group", ("--shape", "llama-2-7b", "--group", "48")),
                (2, "--rounds", ("--shape", "llama-2-7b", "--rounds", "0")),
                (1, "did you mean llama-2-7b?", ("--shape", "lama-2-7b")),
                (1, "--layers 31: the model has 30", (MODEL, "--layers", "31")),
                (1, "--layers 23: the model has 22", ("--shape", "tinyllama-1.1b", "--layers", "23")),
                (1, "--group 32: bf16 weights have no groups",
                 ("--shape", "smollm2-135m", "--weights", "bf16", "--group", "32")),
                (1, "nothing to measure",
                 ("--shape", "smollm2-135m", "--prefill", "0", "--decode", "0")),
                (1, "/nowhere.gguf", ("/nowhere.gguf",))):
            with self.subTest(arguments=arguments):
                done = run("bench", *arguments)
                self.assertEqual(done.returncode, code, done.stderr)
                self.assertIn(words, done.stderr)
                self.assertEqual(done.stdout, "")

    def test_a_test_that_does_not_fit_into_memory_is_left_out_and_said(self) -> None:
        done = run("bench", "--shape", "smollm2-135m", "--layers", "1", "--prefill", "8",
                   "--decode", "1", "--batch", "4096", "--depth", "1000000", "--rounds", "1",
                   "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("decode x4096 at 1000000 is left out: its KV cache takes", done.stderr)
        self.assertEqual([result["test"] for result in json.loads(done.stdout)["results"]],
                         ["prefill"])


if __name__ == "__main__":
    unittest.main()
