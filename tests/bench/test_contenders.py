"""The adapters of bench/peers against outputs recorded from the real programs."""

import pathlib
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
RECORDED = pathlib.Path(__file__).resolve().parent / "recorded"
sys.path.insert(0, str(ROOT / "bench/peers"))

from contenders import IkLlamaCpp, LlamaCpp, Puna, PythonPeer  # noqa: E402
from work import DECODE, GROUPS, PREFILL, OutputError, Run, Work  # noqa: E402

PREFILL_512, DECODE_32 = Work(PREFILL, 512), Work(DECODE, 32)
DEEP = Work(DECODE, 32, depth=1024)
BATCHES = [Work(DECODE, 32, batch, 16) for batch in (4, 8, 16)]


def recorded(name: str) -> str:
    return (RECORDED / name).read_text()


def llama_cpp(kind=LlamaCpp, flash=("on",)) -> LlamaCpp:
    return kind(pathlib.Path("bin"), pathlib.Path("m.gguf"), "Q4_0", 2, list(flash))


def values(samples) -> dict[Work, float]:
    return {sample.work: sample.value for sample in samples}


class LlamaCppTest(unittest.TestCase):
    def test_reads_prefill_and_decode_of_llama_bench(self):
        run = Run(["llama-bench"], (PREFILL_512, DECODE_32))
        found = values(llama_cpp().parse(run, recorded("llama_cpp_bench.json")))
        self.assertEqual(found, {PREFILL_512: 83.142678, DECODE_32: 4.051066})

    def test_a_depth_is_part_of_the_work(self):
        output = recorded("llama_cpp_bench_depth.json")
        self.assertEqual(values(llama_cpp().parse(Run(["llama-bench"], (DEEP,)), output)), {DEEP: 2.968426})
        self.assertEqual(llama_cpp().parse(Run(["llama-bench"], (DECODE_32,)), output), [])

    def test_reads_the_speed_of_all_sequences_from_batched_bench(self):
        run = Run(["llama-batched-bench"], tuple(BATCHES))
        found = values(llama_cpp().parse(run, recorded("llama_cpp_batched.txt")))
        self.assertEqual(found, dict(zip(BATCHES, [8.138678, 32.904961, 31.327206])))

    def test_tries_every_flash_attention_setting(self):
        runs = llama_cpp(flash=("on", "off")).runs([DEEP])
        self.assertEqual([run.settings for run in runs], ["fa=on", "fa=off"])
        self.assertEqual([run.command[run.command.index("-fa") + 1] for run in runs], ["on", "off"])

    def test_one_process_does_all_batches_with_room_for_the_largest(self):
        (run,) = llama_cpp().runs(BATCHES)
        self.assertEqual(run.works, tuple(BATCHES))
        command = run.command
        self.assertEqual(command[command.index("-npl") + 1], "4,8,16")
        self.assertGreaterEqual(int(command[command.index("-c") + 1]), 16 * (16 + 32))

    def test_output_that_is_no_json_is_an_error(self):
        with self.assertRaises(OutputError):
            llama_cpp().parse(Run(["llama-bench"], (DEEP,)), "failed to load model")


class PunaTest(unittest.TestCase):
    def puna(self, model=("--shape", "llama-2-7b")) -> Puna:
        return Puna(pathlib.Path("puna"), list(model), "int4 g128", 2, ["--weights", "int4"])

    def test_asks_for_each_depth_in_its_own_process(self):
        runs = self.puna().runs([PREFILL_512, DECODE_32, DEEP])
        self.assertEqual([run.works for run in runs], [(PREFILL_512,), (DECODE_32,), (DEEP,)])
        for run in runs:
            self.assertEqual(run.command[:6], ["puna", "bench", "--shape", "llama-2-7b", "--weights", "int4"])

    def test_only_a_file_can_be_served(self):
        self.assertEqual(self.puna().runs(GROUPS["start"]), [])
        (run,) = self.puna(["m.gguf"]).runs(GROUPS["start"])
        self.assertEqual((run.command[1], run.ready_path), ("serve", "/ready"))

    def test_takes_the_works_of_the_run_and_the_readings_in_between(self):
        run = Run(["puna"], tuple(BATCHES[:2]))
        found = values(self.puna().parse(run, recorded("puna.json")))
        self.assertEqual({work.batch: round(value, 1) for work, value in found.items()}, {4: 2993.9, 8: 2825.4})
        facts = self.puna().facts(recorded("puna.json"))
        self.assertEqual(facts["weight_bytes"], 31062528)
        self.assertAlmostEqual(facts["read_bandwidth_bytes_per_second"], 26.290e9, delta=1e6)
        self.assertAlmostEqual(facts["share_of_limit decode, batch 4, depth 16"], 0.887, 3)

    def test_rows_of_other_works_are_left(self):
        self.assertEqual(self.puna().parse(Run(["puna"], (DEEP,)), recorded("puna.json")), [])

    def test_a_report_without_results_is_an_error(self):
        with self.assertRaises(OutputError):
            self.puna().parse(Run(["puna"], (DEEP,)), "{}")


class PythonPeerTest(unittest.TestCase):
    def peer(self) -> PythonPeer:
        return PythonPeer("openvino", "OpenVINO", pathlib.Path("python"), pathlib.Path("model"), "int4", 2)

    def test_start_is_measured_in_a_process_of_its_own(self):
        runs = self.peer().runs([PREFILL_512, *GROUPS["start"]])
        self.assertEqual([run.command[-1] for run in runs], ["prefill:512:1:0", "start:0:1:0"])
        self.assertTrue(pathlib.Path(runs[0].command[1]).exists())

    def test_reads_lines_of_json_among_others(self):
        output = "a warning\n" + recorded("openvino_worker.txt")
        work = Work(PREFILL, 64)
        self.assertEqual(values(self.peer().parse(Run(["python"], (work,)), output)), {work: 4.097278217855484})


if __name__ == "__main__":
    unittest.main()
