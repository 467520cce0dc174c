"""Which tests a change selects, on a small made-up tree and on this one."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))

import tidy  # noqa: E402
from changed_tests import Tree, changed_files, programs_of, read_tree, select, users_of  # noqa: E402

TREE = Tree(
    arrows={"base": [], "model": ["base"], "backend": ["base", "model"], "backend/cpu": ["base", "backend"],
            "engine": ["base", "backend", "model/llama_config.h"], "http": ["base", "engine"], "app": ["*"]},
    programs={"base": ["base_test"], "model": ["model_test", "gguf_fuzz"], "backend/cpu": [],
              "backend": ["backend_contract_test", "backend_test"], "engine": ["engine_test"],
              "http": ["http_test"], "app": ["app_bench_test"]},
    files=frozenset(["src/engine/engine.cc", "src/engine/engine.h", "src/engine/engine_test.cc",
                     "src/model/gguf.cc", "src/model/gguf.h", "src/model/shapes.h"]))


class SelectionTest(unittest.TestCase):
    def test_nothing_changed_selects_nothing(self) -> None:
        nothing = select([], TREE)
        self.assertEqual((nothing.layers, nothing.programs, nothing.builds_binary, nothing.tidy),
                         (frozenset(), (), False, ()))

    def test_a_module_is_tested_with_its_direct_users(self) -> None:
        self.assertEqual(select(["src/engine/engine.cc"], TREE).programs, ("engine_test", "http_test"))
        self.assertEqual(select(["src/http/server.cc"], TREE).programs, ("http_test",))

    def test_a_module_that_may_include_one_header_is_a_user(self) -> None:
        self.assertEqual(users_of("model", TREE.arrows), {"backend", "engine"})

    def test_app_is_no_user_of_everything_but_the_binary_is_built(self) -> None:
        chosen = select(["src/http/server.cc"], TREE)
        self.assertNotIn("app_bench_test", chosen.programs)
        self.assertTrue(chosen.builds_binary)
        self.assertIn("app_bench_test", select(["src/app/bench.cc"], TREE).programs)

    def test_a_module_without_tests_is_tested_by_the_folder_above(self) -> None:
        self.assertEqual(select(["src/backend/cpu/forward.cc"], TREE).programs,
                         ("backend_contract_test", "backend_test", "llama_golden_test", "pjrt_backend_test"))

    def test_emitted_programs_are_run_after_a_change_of_what_emits_them(self) -> None:
        for path in ("src/stablehlo/llama_step.cc", "src/stablehlo/interpreter/tensor.cc", "src/model/rope.cc"):
            self.assertIn("emitted_llama_test", select([path], TREE).programs, path)
        self.assertIn("pjrt_client_test", select(["src/backend/pjrt/client.cc"], TREE).programs)
        self.assertNotIn("emitted_llama_test", select(["src/tokenizer/tokenizer.cc"], TREE).programs)

    def test_a_build_file_selects_every_program(self) -> None:
        for path in ("CMakeLists.txt", "src/base/CMakeLists.txt", "cmake/puna_module.cmake", "CMakePresets.json"):
            programs = select([path], TREE).programs
            self.assertEqual(set(programs), {one for some in TREE.programs.values() for one in some}, path)

    def test_layers_follow_the_folders(self) -> None:
        for path, layers in (("src/engine/engine.cc", {"http"}), ("tests/http/test_chat.py", {"http"}),
                             ("src/app/serve.cc", {"http", "terminal"}), ("web/src/turns.ts", {"web", "browser"}),
                             ("python/puna/settings.py", {"cluster"}), ("docs/API.md", set()),
                             ("docs/tutorial.md", {"tutorial"}), ("src/model/gguf.cc", set())):
            self.assertEqual(select([path], TREE).layers, layers, path)

    def test_tests_of_the_binary_need_the_binary(self) -> None:
        self.assertTrue(select(["tests/terminal/test_chat.py"], TREE).builds_binary)
        self.assertFalse(select(["docs/API.md", "tests/images/test_dockerfile.py"], TREE).builds_binary)

    def test_clang_tidy_reads_changed_sources_and_those_of_changed_headers(self) -> None:
        changed = ["src/engine/engine.h", "src/engine/engine_test.cc", "src/model/gguf.cc", "src/model/shapes.h",
                   "src/model/removed.cc", "bench/accuracy/accuracy.cc"]
        self.assertEqual(select(changed, TREE).tidy, ("src/engine/engine.cc", "src/model/gguf.cc"))

    def test_programs_are_read_from_cmake(self) -> None:
        self.assertEqual(programs_of("# x\npuna_module(backend/fake\n  SOURCES a.cc\n  TESTS a_test.cc)\n"
                                     "puna_module(plain SOURCES b.cc FUZZ gguf_fuzz.cc two_fuzz.cc)\n"),
                         ["backend_fake_test", "gguf_fuzz", "two_fuzz"])


class ThisTreeTest(unittest.TestCase):
    def test_every_module_has_programs_that_test_it(self) -> None:
        arrows = tidy.read_layers()
        files = [str(path.relative_to(ROOT)) for path in tidy.project_files()]
        tree = read_tree(ROOT, arrows, files)
        for module in arrows:
            chosen = select([f"src/{module}/any.cc"], tree)
            self.assertTrue(chosen.programs, module)
            self.assertTrue(chosen.builds_binary, module)


class ChangedFilesTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="a repository ")
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        self.git("init", "--quiet", "--initial-branch=main")
        self.commit("first")
        self.commit("on main")

    def git(self, *arguments: str) -> None:
        subprocess.run(["git", "-c", "user.name=x", "-c", "user.email=x@example.org", *arguments], cwd=self.root,
                       check=True, capture_output=True)

    def commit(self, name: str) -> None:
        (self.root / name).write_text(name)
        self.git("add", name)
        self.git("commit", "--quiet", "--message", name)

    def test_on_main_the_last_commit_and_the_working_tree_count(self) -> None:
        (self.root / "a new file").write_text("")
        (self.root / "first").write_text("changed")
        self.assertEqual(changed_files(self.root), ["a new file", "first", "on main"])

    def test_on_a_branch_all_its_commits_count_and_those_of_main_do_not(self) -> None:
        self.git("switch", "--quiet", "--create", "work")
        self.commit("mine")
        self.commit("mine too")
        self.git("switch", "--quiet", "main")
        self.commit("theirs")
        self.git("switch", "--quiet", "work")
        (self.root / "first").unlink()
        self.assertEqual(changed_files(self.root), ["first", "mine", "mine too"])

    def test_a_repository_of_one_commit_has_its_working_tree(self) -> None:
        self.git("switch", "--quiet", "--orphan", "main2")
        self.commit("only")
        self.git("branch", "--delete", "--force", "main")
        (self.root / "new").write_text("")
        self.assertEqual(changed_files(self.root), ["new"])


if __name__ == "__main__":
    unittest.main()
