"""puna plan asks the hub for a repository's config and for nothing else."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

from fake_hub import FakeHub

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BINARY = os.environ.get("PUNA_BINARY", str(ROOT / "build/release/bin/puna"))
LLAMA_2_7B = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 4096, "intermediate_size": 11008,
              "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 32, "vocab_size": 32000,
              "max_position_embeddings": 4096, "rms_norm_eps": 1e-5, "hidden_act": "silu", "tie_word_embeddings": False}


class PlanTest(unittest.TestCase):
    def setUp(self) -> None:
        self.hub = FakeHub()
        self.addCleanup(self.hub.close)
        self.hub.files["config.json"] = json.dumps(LLAMA_2_7B).encode()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.home = folder.name

    def plan(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
        return subprocess.run([BINARY, "plan", "owner/model", "--on", "inf2", *arguments], capture_output=True, text=True,
                              env=clean | {"HF_HOME": self.home, "HF_ENDPOINT": self.hub.endpoint}, timeout=60,
                              stdin=subprocess.DEVNULL, check=False)

    def test_only_the_config_is_fetched(self) -> None:
        done = self.plan("--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["model"], "owner/model")
        fetched = [path for path, _, _ in self.hub.requests if "/resolve/" in path]
        self.assertEqual([path.rsplit("/", 1)[1] for path in fetched], ["config.json"])

    def test_a_repository_without_a_config_is_refused_in_one_line(self) -> None:
        del self.hub.files["config.json"]
        done = self.plan()
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertEqual(done.stderr.count("error: "), 1)
        self.assertIn("config.json", done.stderr)

    def test_a_licence_is_asked_for_as_by_pull(self) -> None:
        self.hub.gated, self.hub.license = "manual", "llama2"
        done = self.plan()
        self.assertEqual(done.returncode, 1)
        self.assertIn("--accept-license", done.stderr)
        self.assertEqual(self.plan("--accept-license").returncode, 0)


if __name__ == "__main__":
    unittest.main()
