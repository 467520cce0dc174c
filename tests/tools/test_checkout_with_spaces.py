"""Scripts and tools in a checkout whose path has spaces: what they start gets whole paths."""

import json
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))

import clang_tidy  # noqa: E402

# Says how it was started, for the programs that scripts start.
STUB = "#!/bin/bash\nprintf '%s\\n' \"$@\"\nenv | grep ^PUNA_ || true\n"
NOT_COPIED = ("tests/golden/", "docs/")


class CheckoutWithSpacesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        folder = tempfile.TemporaryDirectory(prefix="a checkout ")
        cls.addClassCleanup(folder.cleanup)
        cls.root = pathlib.Path(folder.name).resolve() / "its folder"
        listed = subprocess.run(["git", "ls-files", "-coz", "--exclude-standard"], cwd=ROOT, check=True,
                                capture_output=True, text=True).stdout
        for name in filter(None, listed.split("\0")):
            if (ROOT / name).is_file() and not name.startswith(NOT_COPIED):
                (cls.root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, cls.root / name)
        subprocess.run("git init --quiet && git add --all", shell=True, cwd=cls.root, check=True)

    def run_in(self, *command: str, **variables: str) -> str:
        done = subprocess.run(command, cwd=self.root, capture_output=True, text=True, stdin=subprocess.DEVNULL,
                              env={**os.environ, **variables}, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def stub(self, path: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(STUB)
        (self.root / path).chmod(0o755)

    def test_make_and_the_runner_start(self) -> None:
        self.assertIn("test-changed", self.run_in("make", "help"))
        self.assertIn("clang-tidy", self.run_in("tools/run_tests.py", "--list"))
        self.assertIn("follow the rules", self.run_in("tools/tidy.py"))

    def test_the_demo_serves_the_files_of_the_checkout(self) -> None:
        self.stub("build/release/bin/puna")
        arguments = self.run_in("tools/demo.sh", "models/demo/adapter", "127.0.0.1", "8000").splitlines()
        self.assertIn("build/models/SmolLM2-135M-Instruct.Q4_1.gguf", arguments)
        self.assertIn("models/demo/system_prompt.txt", arguments)

    def test_the_cluster_is_given_whole_paths(self) -> None:
        self.stub("build/venv/cluster/bin/python")
        lock = (self.root / "tools/requirements/cluster.txt").read_text()
        (self.root / "build/venv/cluster/.lock").write_text(lock)
        printed = self.run_in("tools/cluster.sh", "models/demo/adapter", "--port", "8000").splitlines()
        self.assertIn(f"PUNA_BINARY={self.root}/build/release/bin/puna", printed)
        self.assertIn(f"PUNA_ADAPTER={self.root}/models/demo/adapter", printed)
        self.assertIn("8000", printed)

    def test_assets_are_embedded_from_a_folder_with_spaces(self) -> None:
        (self.root / "build/web out").mkdir(parents=True)
        (self.root / "build/web out/index.html").write_text("<!doctype html>")
        self.run_in(sys.executable, "tools/embed_assets.py", f"{self.root}/build/web out", f"{self.root}/build/assets.cc")
        self.assertIn("index.html", (self.root / "build/assets.cc").read_text())

    def test_sources_are_grouped_by_whole_paths(self) -> None:
        paths = sorted(str(path) for path in (self.root / "src/base").glob("*.cc"))
        self.assertEqual(len(self.run_in("tools/unity_groups.py", *paths).split(";")), len(paths))

    def test_clang_tidy_takes_the_precompiled_header_out_of_a_command_with_spaces(self) -> None:
        header = f"{self.root}/build/release/cmake_pch.hxx"
        for path in (header, "/plain/cmake_pch.hxx"):
            quoted = f'"{path}"' if " " in path else path
            command = (f"clang++ -O3 -Xclang -include-pch -Xclang {quoted} -Xclang -include -Xclang {quoted} "
                       f'-o x.o -c "{self.root}/x.cc"')
            words = shlex.split(clang_tidy.PRECOMPILED.sub("", command))
            self.assertEqual(words, ["clang++", "-O3", "-o", "x.o", "-c", f"{self.root}/x.cc"])
        work = clang_tidy.Work("x.cc", f'clang++ "-I{self.root}/src" -O3 -o x.o -c "{self.root}/x.cc"', None)
        self.assertEqual(shlex.split(work.flags), ["clang++", f"-I{self.root}/src", "-O3"])


if __name__ == "__main__":
    unittest.main()
