"""puna pull against a hub that misbehaves: what arrives is right, or nothing does and the message helps."""

import contextlib
import hashlib
import os
import pathlib
import pty
import subprocess
import tempfile
import unittest

from fake_hub import COMMIT, FakeHub, LARGE_BYTES

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BINARY = os.environ.get("PUNA_BINARY", str(ROOT / "build/release/bin/puna"))


class PullTest(unittest.TestCase):
    def setUp(self) -> None:
        self.hub = FakeHub()
        self.addCleanup(self.hub.close)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.cache = pathlib.Path(folder.name) / "hub"
        self.folder = self.cache / "models--owner--model"

    def pull(self, *arguments: str, repo: str = "owner/model",
             **environment: str) -> subprocess.CompletedProcess[str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
        clean |= {"HF_HOME": str(self.cache.parent), "HF_ENDPOINT": self.hub.endpoint, **environment}
        return subprocess.run([BINARY, "pull", repo, *arguments], env=clean, capture_output=True,
                              text=True, timeout=60, stdin=subprocess.DEVNULL, check=False)

    def assert_pulled(self, done: subprocess.CompletedProcess[str]) -> None:
        self.assertEqual(done.returncode, 0, done.stderr)
        snapshot = self.folder / "snapshots" / COMMIT
        self.assertEqual(done.stdout, f"{snapshot}\n")
        for name in ("config.json", "tokenizer.json", "model.safetensors"):
            self.assertEqual((snapshot / name).read_bytes(), self.hub.files[name], name)
        self.assertEqual(list(self.folder.rglob("*.incomplete")), [])

    def assert_refused(self, done: subprocess.CompletedProcess[str], words: str) -> None:
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(words, done.stderr)
        self.assertFalse((self.folder / "refs/main").exists(), "a revision in the cache is complete")

    def test_a_model_arrives_in_the_layout_of_huggingface_hub(self) -> None:
        self.assert_pulled(self.pull())
        self.assertEqual((self.folder / "refs/main").read_text(), COMMIT)
        sha256 = hashlib.sha256(self.hub.files["model.safetensors"]).hexdigest()
        link = self.folder / "snapshots" / COMMIT / "model.safetensors"
        self.assertEqual(os.readlink(link), f"../../blobs/{sha256}")
        self.assertFalse((link.parent / "pytorch_model.bin").exists())

    def test_all_files_come_from_one_commit(self) -> None:
        self.assert_pulled(self.pull())
        paths = [path for path, _, _ in self.hub.requests if "/resolve/" in path]
        self.assertEqual(len(paths), 3)
        self.assertTrue(all(f"/resolve/{COMMIT}/" in path for path in paths), paths)

    def test_nothing_is_fetched_twice(self) -> None:
        self.assert_pulled(self.pull())
        before = len(self.hub.requests)
        self.assert_pulled(self.pull())
        self.assertEqual(len(self.hub.requests), before + 1, "only the listing is asked for")

    def test_a_cut_connection_is_resumed_where_it_broke(self) -> None:
        self.hub.faults["model.safetensors"] = "cut"
        self.assert_pulled(self.pull())
        self.assertEqual(self.hub.downloads("model.safetensors"),
                         [None, f"bytes={LARGE_BYTES // 2}-"])

    def test_a_hub_that_ignores_range_is_started_over(self) -> None:
        self.hub.faults["model.safetensors"] = "cut, then Range is ignored"
        self.assert_pulled(self.pull())

    def test_a_second_run_resumes_what_the_first_left(self) -> None:
        content = self.hub.files["model.safetensors"]
        blobs = self.folder / "blobs"
        blobs.mkdir(parents=True)
        (blobs / f"{hashlib.sha256(content).hexdigest()}.incomplete").write_bytes(content[:1000])
        self.assert_pulled(self.pull())
        self.assertEqual(self.hub.downloads("model.safetensors"), ["bytes=1000-"])

    def test_a_wrong_hash_is_thrown_away(self) -> None:
        self.hub.faults["model.safetensors"] = "wrong hash"
        self.assert_refused(self.pull(), "is not what the hub stated")
        self.assertEqual(list(self.folder.rglob("*.incomplete")), [])
        del self.hub.faults["model.safetensors"]
        self.assert_pulled(self.pull())

    def test_429_is_waited_out(self) -> None:
        self.hub.faults["api"] = "429 once"
        self.assert_pulled(self.pull())

    def test_429_for_ever_says_what_to_do(self) -> None:
        self.hub.faults["api"] = "429 for ever"
        self.assert_refused(self.pull(), "HF_TOKEN")

    def test_a_gated_repository_says_where_to_ask(self) -> None:
        self.hub.faults["api"] = "gated"
        self.assert_refused(self.pull(), f"ask for it at {self.hub.endpoint}/owner/model")

    def test_a_private_or_missing_repository(self) -> None:
        self.hub.faults["api"] = "private"
        self.assert_refused(self.pull(), "no such repository, or a private one")
        self.hub.faults["api"] = "404"
        self.assert_refused(self.pull(), "check the name and the revision")

    def test_no_network(self) -> None:
        self.hub.close()
        self.assert_refused(self.pull(), "check the network")

    def test_no_network_with_a_full_cache_goes_on(self) -> None:
        self.assert_pulled(self.pull())
        self.hub.close()
        done = self.pull()
        self.assert_pulled(done)
        self.assertIn("using what the cache has", done.stderr)

    def test_offline_uses_the_cache_only(self) -> None:
        self.assert_refused(self.pull(HF_HUB_OFFLINE="1"), "HF_HUB_OFFLINE")
        self.assert_pulled(self.pull())
        before = len(self.hub.requests)
        self.assert_pulled(self.pull(HF_HUB_OFFLINE="1"))
        self.assertEqual(len(self.hub.requests), before)

    def test_the_token_goes_to_the_hub_and_not_where_it_redirects(self) -> None:
        self.hub.faults["model.safetensors"] = "redirect"
        self.assert_pulled(self.pull(HF_TOKEN="hf_secret"))
        for path, _, authorization in self.hub.requests:
            expected = None if path.startswith("/elsewhere/") else "Bearer hf_secret"
            self.assertEqual(authorization, expected, path)

    def test_metas_licence_is_asked_for_before_anything_is_fetched(self) -> None:
        self.hub.gated, self.hub.license = "manual", "llama2"
        self.assert_refused(self.pull(), "--accept-license")
        self.assertEqual(self.hub.downloads("model.safetensors"), [])
        self.assert_pulled(self.pull("--accept-license"))

    def test_a_revision_that_does_not_exist(self) -> None:
        self.assert_refused(self.pull("--revision", "v9"), "revision")

    def test_several_gguf_files_are_listed(self) -> None:
        self.hub.files = {"a.gguf": b"A" * 100, "b.gguf": b"B" * 100}
        self.hub.large = {"a.gguf", "b.gguf"}
        self.assert_refused(self.pull(), "a.gguf, b.gguf")
        done = self.pull("--file", "b.gguf")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(pathlib.Path(done.stdout.strip()).read_bytes(), b"B" * 100)

    def test_a_model_larger_than_the_disk_is_not_begun(self) -> None:
        self.hub.stated_sizes["model.safetensors"] = 10**13
        self.assert_refused(self.pull(), "make room or set HF_HUB_CACHE")
        self.assertEqual(self.hub.downloads("model.safetensors"), [])

    def test_a_folder_that_cannot_be_written_to_is_named(self) -> None:
        done = self.pull(HF_HUB_CACHE="/proc/none")
        self.assertEqual(done.returncode, 1)
        self.assertIn("HF_HUB_CACHE", done.stderr)

    def test_progress_is_drawn_on_a_terminal(self) -> None:
        master, slave = pty.openpty()
        environment = {**os.environ, "HF_HOME": str(self.cache.parent), "HF_ENDPOINT": self.hub.endpoint}
        process = subprocess.Popen([BINARY, "pull", "owner/model"], env=environment, stdin=slave,
                                   stdout=slave, stderr=slave)
        os.close(slave)
        drawn = b""
        with open(master, "rb", buffering=0) as terminal, contextlib.suppress(OSError):
            while piece := terminal.read(65536):  # Linux: EIO when the other side has gone
                drawn += piece
        self.assertEqual(process.wait(timeout=60), 0)
        self.assertIn("100 %", drawn.decode())


if __name__ == "__main__":
    unittest.main()
