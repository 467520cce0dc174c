"""Flags, help, errors and exit codes of the real binary."""

import json
import pathlib
import subprocess
import tempfile
import unittest

from terminal_session import ROOT, run

MODEL = str(ROOT / "build/models/SmolLM2-135M-Instruct.Q4_1.gguf")


class CommandLineTest(unittest.TestCase):
    def assert_one_line_error(self, *arguments: str, code: int, words: str, **environment: str) -> None:
        done = run(*arguments, **environment)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertIn(words, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)

    def test_version(self) -> None:
        self.assertRegex(run("--version").stdout, r"^puna \d+\.\d+\.\d+\n$")

    def test_help_has_examples_and_environment_variables(self) -> None:
        self.assertIn("puna serve", run("--help").stdout)
        serve = run("serve", "--help").stdout
        self.assertIn("PUNA_MAX_MODEL_LEN", serve)
        self.assertIn("=8000", serve)

    def test_wrong_usage_is_2_and_says_what_was_meant(self) -> None:
        self.assert_one_line_error("serve", "--prot", "1", code=2, words="did you mean --port?")
        self.assert_one_line_error("sevre", code=2, words="did you mean serve?")
        self.assert_one_line_error("serve", "--port", "99999", code=2, words="--port")

    def test_the_world_being_wrong_is_1(self) -> None:
        self.assert_one_line_error("serve", "/nowhere/model.gguf", code=1, words="/nowhere/model.gguf")
        self.assert_one_line_error("inspect", str(ROOT / "docs"), code=1, words="config.json")

    def test_a_wrong_file_is_named_with_its_flag_before_anything_listens(self) -> None:
        self.assertEqual(run("serve", "nosuch.gguf", "--port", "0").stdout, "")
        for flag in ("--api-key-file", "--system-prompt-file", "--examples-file", "--page-texts-file", "--chat-template",
                     "--packed-weights", "--adapter", "--config"):
            done = run("serve", MODEL, "--port", "0", flag, "/nowhere")
            self.assertEqual(done.stdout, "", flag)
            self.assertRegex(done.stderr, rf"^error: {flag}:? /nowhere")
            self.assertNotEqual(done.returncode, 0)
        done = run("serve", MODEL, "--port", "0", "--override-generation-config", "{")
        self.assertEqual((done.returncode, done.stdout), (1, ""))

    def test_a_number_that_is_none_is_named_with_its_flag_and_its_range(self) -> None:
        self.assert_one_line_error("serve", "--port", "abc", code=2, words="--port: abc is not a number from 0 to 65535")
        self.assert_one_line_error("chat", "--temperature", "3", code=2, words="--temperature: 3 is not a number from 0 to 2")

    def test_a_command_that_does_not_exist_is_named(self) -> None:
        for name in ("list", "version", "run"):
            self.assert_one_line_error(name, code=2, words=f"there is no command {name} (")

    def test_the_command_line_beats_the_environment_beats_the_file(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            config = pathlib.Path(folder) / "puna.toml"
            config.write_text('host = "file.invalid"\nport = 1\n')
            arguments = ("serve", "--config", str(config), "--backend", "fake")
            # An address that is no address is named in the error: that tells which one won.
            self.assert_one_line_error(*arguments, code=1, words="file.invalid")
            self.assert_one_line_error(*arguments, code=1, words="environment.invalid",
                                       PUNA_HOST="environment.invalid")
            self.assert_one_line_error(*arguments, "--host", "line.invalid", code=1,
                                       words="line.invalid", PUNA_HOST="environment.invalid")
            config.write_text("prot = 1\n")
            self.assert_one_line_error(*arguments, code=2, words="prot")

    def test_completion_scripts_are_valid_and_complete(self) -> None:
        script = run("completion", "bash").stdout
        asked = script + '\nCOMP_WORDS=(puna serve --max-m); COMP_CWORD=2; _puna; echo "${COMPREPLY[@]}"'
        done = subprocess.run(["bash", "-c", asked], capture_output=True, text=True, check=True)
        self.assertEqual(done.stdout.split(), ["--max-model-len"])
        self.assertIn("compdef _puna puna", run("completion", "zsh").stdout)

    def test_completion_knows_the_values_of_a_flag(self) -> None:
        script = run("completion", "bash").stdout
        for words, expected in ((["puna", "serve", "--backend", "f"], "fake"),
                                (["puna", "completion", "z"], "zsh"),
                                (["puna", "ins"], "inspect")):
            asked = (f'{script}\nCOMP_WORDS=({" ".join(words)}); COMP_CWORD={len(words) - 1}; '
                     '_puna; echo "${COMPREPLY[@]}"')
            done = subprocess.run(["bash", "-c", asked], capture_output=True, text=True, check=True)
            self.assertEqual(done.stdout.split(), [expected], words)

    def test_inspect_says_what_is_in_a_checkpoint(self) -> None:
        text = run("inspect", MODEL).stdout
        self.assertIn("llama: 30 layers", text)
        self.assertIn("chatml", text)
        summary = json.loads(run("inspect", MODEL, "--json").stdout)
        self.assertEqual(summary["config"]["num_hidden_layers"], 30)
        self.assertEqual(summary["parameter_count"], 134515008)
        megabytes = {name: round(size / 1e6) for name, size in summary["weight_bytes"].items()}
        self.assertEqual(megabytes, {"f32": 538, "bf16": 269, "int8": 140, "int4": 96})


if __name__ == "__main__":
    unittest.main()
