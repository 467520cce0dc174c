"""Packed weight files of the real binary: made once, mapped after, noticed and made again when damaged."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from terminal_session import BINARY, ROOT, WAIT_SECONDS, TerminalSession, run

MODEL = str(ROOT / "build/models/SmolLM2-135M-Instruct.Q4_1.gguf")
CHAT = ("chat", MODEL, "--weights", "int8", "--temperature", "0", "--max-tokens", "8",
        "--kv-cache-memory-bytes", "200MB", "--max-model-len", "512", "--log-level", "info")
DATA_OFFSET = 64 << 10


class PackedWeightsTest(unittest.TestCase):
    def setUp(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self.addCleanup(self._folder.cleanup)
        self.cache = pathlib.Path(self._folder.name) / "cache"
        os.environ["PUNA_CACHE"] = str(self.cache)
        self.addCleanup(os.environ.pop, "PUNA_CACHE")

    def ask(self, *flags: str, wrapper: tuple[str, ...] = ()) -> tuple[str, str]:
        """The answer to a fixed question, and what was logged."""
        done = subprocess.run([*wrapper, BINARY, *CHAT, *flags], cwd=ROOT, capture_output=True, text=True,
                              input="What is the capital of France?\n", timeout=WAIT_SECONDS, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(done.stdout)
        return done.stdout, done.stderr

    def packed_file(self) -> pathlib.Path:
        [path] = (self.cache / "packed").glob("*.packed")
        return path

    def damage(self, path: pathlib.Path, offset: int, keep_time: bool = False) -> None:
        before = path.stat()
        with path.open("r+b") as file:
            file.seek(offset)
            byte = file.read(1)[0]
            file.seek(offset)
            file.write(bytes([byte ^ 1]))
        if keep_time:
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    def test_the_first_start_packs_and_the_next_one_maps(self) -> None:
        plain, log = self.ask("--packed-weights", "off")
        self.assertNotIn("packing", log)
        self.assertFalse(self.cache.exists())
        first, log = self.ask()
        self.assertRegex(log, r"packing SmolLM2\S* as int8 group \d+, once: 1\d\d\.\d MB into ")
        self.assertIn(str(self.packed_file()), log)
        second, log = self.ask()
        self.assertNotIn("packing", log)
        self.assertIn(" mapped", log)
        self.assertEqual([first, second], [plain, plain])

    def test_quantize_packs_ahead(self) -> None:
        done = run("quantize", MODEL, "--weights", "int8")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout, f"{self.packed_file()}\n")
        self.assertRegex(done.stderr, r"int8: 1\d\d\.\d MB, \d+\.\d s")
        self.assertIn("was there already", run("quantize", MODEL, "--weights", "int8").stderr)
        self.assertNotIn("packing", self.ask()[1])

    def test_quantize_to_a_file_that_serves_elsewhere(self) -> None:
        path = pathlib.Path(self._folder.name) / "model.packed"
        done = run("quantize", MODEL, "--weights", "int8", "--output", str(path))
        self.assertEqual(done.stdout, f"{path}\n", done.stderr)
        self.assertEqual(self.ask("--packed-weights", str(path))[0], self.ask("--packed-weights", "off")[0])
        self.assertEqual(list(self.cache.glob("packed/*.packed")), [])
        wrong = run("chat", MODEL, "--weights", "bf16", "--packed-weights", str(path))
        self.assertEqual(wrong.returncode, 1)
        self.assertIn("bf16 is asked for", wrong.stderr)
        other = run("quantize", MODEL, "--weights", "int8", "--output", MODEL)
        self.assertEqual(other.returncode, 1)
        self.assertIn("not a packed file", other.stderr)

    def test_a_changed_byte_is_noticed_at_the_next_start(self) -> None:
        answer, _ = self.ask()
        for offset in (20, DATA_OFFSET + 1_000_000, self.packed_file().stat().st_size - 10):
            self.damage(self.packed_file(), offset)
            again, log = self.ask()
            self.assertIn("it is made again", log)
            self.assertEqual(again, answer)
            self.assertNotIn("packing", self.ask()[1])

    def test_a_truncated_file_is_noticed_at_the_next_start(self) -> None:
        answer, _ = self.ask()
        for size in (0, DATA_OFFSET, 50_000_000):
            os.truncate(self.packed_file(), size)
            again, log = self.ask()
            self.assertIn("it is made again", log)
            self.assertEqual(again, answer)

    def test_damage_that_leaves_no_trace_is_found_while_it_serves(self) -> None:
        answer, _ = self.ask()
        path = self.packed_file()
        self.damage(path, DATA_OFFSET + 100_000_000, keep_time=True)
        with TerminalSession(*CHAT) as chat:
            chat.wait_for("a restart makes it again")
            chat.type("What is the capital of France?\r")
            chat.wait_for("are damaged; a restart makes them again")
        self.assertFalse(path.exists())
        again, log = self.ask()
        self.assertIn("packing", log)
        self.assertEqual(again, answer)

    def test_an_edit_that_leaves_no_trace_in_size_and_modification_time_is_packed_anew(self) -> None:
        model = pathlib.Path(self._folder.name) / "model.gguf"
        shutil.copy(MODEL, model)
        os.utime(model, (1e9, 1e9))
        serve = (BINARY, "chat", str(model), *CHAT[2:])
        first = subprocess.run(serve, cwd=ROOT, capture_output=True, text=True, input="Hello\n",
                               timeout=WAIT_SECONDS, check=False)
        self.assertIn("packing", first.stderr)
        with model.open("r+b") as file:
            file.seek(-1_000_000, os.SEEK_END)
            byte = file.read(1)[0]
            file.seek(-1_000_000, os.SEEK_END)
            file.write(bytes([byte ^ 1]))
        os.utime(model, (1e9, 1e9))
        second = subprocess.run(serve, cwd=ROOT, capture_output=True, text=True, input="Hello\n",
                                timeout=WAIT_SECONDS, check=False)
        self.assertIn("packing", second.stderr)
        self.assertEqual(len(list((self.cache / "packed").glob("*.packed"))), 2)

    def test_a_file_of_an_older_layout_goes_when_a_new_one_comes(self) -> None:
        self.ask()
        path = self.packed_file()
        old = path.with_name(re.sub(r"-v\d+\.packed$", "-v0.packed", path.name))
        path.rename(old)
        _, log = self.ask()
        self.assertIn(f"removed {old}", log)
        self.assertFalse(old.exists())
        self.assertNotEqual(self.packed_file(), old)

    def test_two_that_start_together_pack_once(self) -> None:
        command = [BINARY, "quantize", MODEL, "--weights", "int8"]
        both = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                for _ in range(2)]
        outputs = [process.communicate(timeout=WAIT_SECONDS) for process in both]
        self.assertEqual([process.returncode for process in both], [0, 0], outputs)
        self.assertEqual([out for out, _ in outputs], [f"{self.packed_file()}\n"] * 2)
        self.assertEqual("".join(log for _, log in outputs).count("once: "), 1)
        left = {path.suffix for path in (self.cache / "packed").iterdir() if path.is_file()}
        self.assertEqual(left, {".packed", ".lock"})

    def test_a_cache_that_cannot_be_written_is_named_and_does_without(self) -> None:
        answer, _ = self.ask("--packed-weights", "off")
        os.environ["PUNA_CACHE"] = "/proc/nowhere"
        again, log = self.ask()
        self.assertIn("/proc/nowhere/packed", log)
        self.assertIn("PUNA_CACHE", log)
        self.assertEqual(again, answer)

    def test_a_full_disk_is_said_and_left_as_it_was(self) -> None:
        # A small disk of its own, in a mount namespace that ends with the program.
        namespace = ("unshare", "--map-root-user", "--mount")
        small_disk = ("mount", "-t", "tmpfs", "-o", "size=100m", "none", str(self.cache))
        self.cache.mkdir()
        if subprocess.run([*namespace, *small_disk], capture_output=True, check=False).returncode != 0:
            self.skipTest("no mount namespaces here")
        answer, _ = self.ask("--packed-weights", "off")
        script = f'{" ".join(small_disk)} && "$@" && ls -A "$PUNA_CACHE/packed" >&2'
        again, log = self.ask(wrapper=(*namespace, "sh", "-c", script, "sh"))
        self.assertRegex(log, r"are needed and \d+\.\d MB are free")
        self.assertNotIn(".packed\n", log)
        self.assertEqual(again, answer)


if __name__ == "__main__":
    unittest.main()
