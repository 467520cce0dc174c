"""make install and make package: what lies where, and that it runs from there."""

import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
FILES = ("bin/puna", "share/man/man1/puna.1", "share/doc/puna/copyright", "share/bash-completion/completions/puna",
         "share/fish/vendor_completions.d/puna.fish")


def command(*words: str | pathlib.Path) -> str:
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def make(*words: str) -> str:
    """-o build: the tests before have built it, maybe with other settings. An outer make would have this one speak
    of folders."""
    return command("make", "--no-print-directory", "-o", "build", *words)


class Installed(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def assert_complete(self, prefix: pathlib.Path, zsh: str) -> None:
        for name in (*FILES, f"share/zsh/{zsh}/_puna"):
            self.assertTrue((prefix / name).is_file(), name)
        self.assertRegex(command(prefix / "bin/puna", "--version"), r"^puna \d+\.\d+\.\d+\n$")
        self.assertTrue(command(prefix / "bin/puna", "chat", "--backend", "fake", "--max-tokens", "3", "Hello"))
        self.assertIn(".SS puna serve", (prefix / "share/man/man1/puna.1").read_text())
        asked = (f"source {prefix}/share/bash-completion/completions/puna; COMP_WORDS=(puna ser); COMP_CWORD=1; "
                 '_puna; echo "${COMPREPLY[@]}"')
        self.assertEqual(command("bash", "-c", asked), "serve\n")


class MakeTest(Installed):
    def test_install_honours_prefix_and_destdir(self) -> None:
        make("install", f"DESTDIR={self.root}", "PREFIX=/opt/local")
        self.assert_complete(self.root / "opt/local", "site-functions")
        self.assertEqual([path.name for path in self.root.iterdir()], ["opt"])

    def test_the_package_installs_with_what_this_debian_has(self) -> None:
        package = ROOT / "build/release" / make("package").strip().split("/")[-1]
        fields = command("dpkg-deb", "--field", package)
        self.assertIn("Package: puna\n", fields)
        self.assertIn("libedit2", fields)
        self.assertRegex(fields, r"Maintainer: .+")
        # A root of its own that knows the packages of this machine: dpkg itself judges the dependencies.
        database = self.root / "var/lib/dpkg"
        for name in ("info", "updates"):
            (database / name).mkdir(parents=True)
        shutil.copy("/var/lib/dpkg/status", database / "status")
        command("dpkg", "--root", self.root, "--force-not-root", "--force-bad-path", "--log", "/dev/null", "--install",
                package)
        self.assert_complete(self.root / "usr", "vendor-completions")
        status = command("dpkg-query", "--root", self.root, "--show", "--showformat=${Status}", "puna")
        self.assertEqual(status, "install ok installed")
        linked = command("ldd", self.root / "usr/bin/puna")
        self.assertFalse(re.search("not found", linked), linked)


if __name__ == "__main__":
    unittest.main()
