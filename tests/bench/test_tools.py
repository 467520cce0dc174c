"""The comparison's tools: GGUF files of random weights, results, the page, and the command line."""

import io
import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PEERS = ROOT / "bench/peers"
sys.path.insert(0, str(PEERS))

import results  # noqa: E402
from compare import without_folders  # noqa: E402
from gguf_writer import Tensor, Uint32, write_gguf  # noqa: E402
from llama_cpp_accuracy import parse_statistics  # noqa: E402
from make_random_gguf import WEIGHT_TYPES, make_tensors, random_block  # noqa: E402
from report import write_page  # noqa: E402
from results import Record  # noqa: E402
from shapes import SHAPES  # noqa: E402
from work import Work  # noqa: E402

RECORDED = pathlib.Path(__file__).resolve().parent / "recorded"
DEEP = Work("decode", 32, depth=1024)


def record(contender: str, value: float, settings: str = "", work: Work = DEEP, **facts) -> Record:
    sample = {"test": work.test, "tokens": work.tokens, "batch": work.batch, "depth": work.depth,
              "value": value}
    return Record("llama-2-7b", contender, "int4 g128" if contender == "puna" else "Q4_0", settings, 2,
                  f"{contender} -m model.gguf", "2026-11-25T22:00:00Z", 1.0, 4_000_000_000,
                  [sample], facts)


class GgufTest(unittest.TestCase):
    def test_header_and_offsets_are_as_the_format_wants_them(self):
        out = io.BytesIO()
        tensors = [Tensor("a", [3], 0, 12, lambda: [b"x" * 12]), Tensor("b", [2], 0, 8, lambda: [b"y" * 8])]
        write_gguf(out, {"n": Uint32(7), "words": ["one", "two"]}, tensors)
        raw = out.getvalue()
        self.assertEqual(struct.unpack_from("<4sIQQ", raw), (b"GGUF", 3, 2, 2))
        self.assertEqual(len(raw) % 32, 0)
        self.assertEqual(raw[-64:], b"x" * 12 + bytes(20) + b"y" * 8 + bytes(24))

    def test_a_tensor_that_writes_other_than_declared_is_an_error(self):
        with self.assertRaisesRegex(ValueError, "short: 4 bytes written, 12 declared"):
            write_gguf(io.BytesIO(), {}, [Tensor("short", [3], 0, 12, lambda: [b"1234"])])

    def test_random_blocks_have_the_size_of_their_type(self):
        for kind in ("Q4_0", "Q8_0", "Q6_K", "BF16"):
            block = random_block(kind, random.Random(1))
            self.assertEqual(len(block), WEIGHT_TYPES[kind].block_bytes, kind)

    def test_llama_2_7b_in_q4_0_has_the_known_number_of_bytes(self):
        """3.751 GB are read for a token: everything but the embedding (llama-quantize's own file)."""
        tensors = make_tensors(SHAPES["llama-2-7b"], "Q4_0")
        read = sum(tensor.size for tensor in tensors if tensor.name != "token_embd.weight")
        self.assertEqual(round(read / 1e9, 3), 3.751)

    def test_a_tied_shape_has_no_head_of_its_own(self):
        names = {tensor.name for tensor in make_tensors(SHAPES["smollm2-135m"], "Q4_0")}
        self.assertNotIn("output.weight", names)


class ResultsTest(unittest.TestCase):
    def test_the_better_setting_counts(self):
        records = [record("llama.cpp", 3.9, "fa=on"), record("llama.cpp", 5.4, "fa=off"),
                   record("llama.cpp", 5.6, "fa=off"), record("llama.cpp", 4.1, "fa=on")]
        median = results.median(records, "llama-2-7b", ("llama.cpp", "Q4_0"), DEEP)
        self.assertEqual((median.value, median.settings), (5.5, "fa=off"))

    def test_what_is_appended_is_read_again(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "results.jsonl"
            for value in (1.0, 2.0):
                results.append(path, record("puna", value))
            self.assertEqual(results.read([path]), [record("puna", 1.0), record("puna", 2.0)])


class PageTest(unittest.TestCase):
    def page(self, ours: float) -> str:
        return write_page([record("puna", ours, read_bandwidth_bytes_per_second=31e9),
                           record("llama.cpp", 4.0, "fa=off"), record("ik_llama.cpp", 6.0, "fa=on")])

    def test_ratios_stand_beside_their_targets(self):
        self.assertIn("2.00× (≥ 1.5: yes)", self.page(8.0))
        self.assertIn("1.33× (≥ 1.2: yes)", self.page(8.0))
        self.assertIn("1.25× (≥ 1.5: no)", self.page(5.0))

    def test_opens_with_what_a_reader_comes_for(self):
        reads = Work("prefill", 512)
        page = write_page([record("puna", 107.9, work=reads), record("llama.cpp", 41.83, "fa=on", work=reads),
                           record("llama.cpp", 40.0, "fa=off", work=reads)])
        table = page[page.index("|"):].split("\n\n")[0]
        self.assertIn("| Llama-2-7B | reads a prompt | 108 | 41.8 |", table)
        self.assertLess(page.index("reads a prompt"), page.index("## "))

    def test_tells_the_readings_and_the_commands(self):
        page = self.page(8.0)
        self.assertIn("median 31.0 GB/s", page)
        self.assertIn("llama.cpp -m model.gguf", page)
        self.assertNotRegex(page, r"\{\w+\}")


class AccuracyTest(unittest.TestCase):
    def test_reads_the_statistics_of_llama_perplexity(self):
        found = parse_statistics((RECORDED / "llama_cpp_kl_divergence.txt").read_text())
        self.assertEqual((found["perplexity"], found["perplexity_stored_base"]), (90.056965, 90.130736))
        self.assertTrue(0.9 < found["top1"] < 1)
        self.assertGreater(found["kl_maximum"], found["kl"])

    def test_a_missing_line_is_an_error_that_names_it(self):
        with self.assertRaisesRegex(ValueError, "perplexity"):
            parse_statistics("nothing")


class CommandLineTest(unittest.TestCase):
    def test_records_no_folder_of_the_machine(self):
        self.assertEqual(without_folders(["/somewhere/llama-bench", "-m", "/somewhere/model.gguf"]),
                         "llama-bench -m model.gguf")

    def compare(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, str(PEERS / "compare.py"), *arguments],
                              capture_output=True, text=True)

    def test_says_how_it_is_used(self):
        self.assertIn("interleaved", self.compare("--help").stdout)

    def test_a_dry_run_shows_the_rounds_in_turn(self):
        done = self.compare("measure", "--shape", "llama-2-7b", "--layers", "2", "--tests", "decode,depth",
                            "--rounds", "1", "--puna", "puna", "--puna-weights", "int4:128,int8", "--dry-run")
        lines = done.stdout.splitlines()
        self.assertEqual([("int8" in line, "1024" in line) for line in lines],
                         [(False, False), (True, False), (False, True), (True, True)], done.stderr)

    def test_a_missing_model_says_how_to_make_it(self):
        done = self.compare("measure", "--shape", "llama-2-7b", "--models", "nowhere", "--llama-cpp", "bin")
        self.assertEqual(done.returncode, 1)
        self.assertIn("make_random_gguf.py llama-2-7b Q4_0", done.stderr)

    def test_an_unknown_test_is_a_usage_error(self):
        done = self.compare("measure", "--shape", "llama-2-7b", "--tests", "speed")
        self.assertEqual(done.returncode, 2)
        self.assertIn("there are prefill, decode, depth, batch, start", done.stderr)


if __name__ == "__main__":
    unittest.main()
