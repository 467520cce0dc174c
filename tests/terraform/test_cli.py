"""What a real CLI says of deploy/terraform, where there is one: nothing is fetched for it.

A provider is there when `make test-terraform` has been run on this machine: the double with the real schema, which makes no
calls here.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from hcl_files import GROUND, ROOT

sys.path.insert(0, str(ROOT / "tests/kubernetes/lab"))

from lab_tools import CACHE  # noqa: E402

CLI = os.environ.get("TF") or shutil.which("tofu") or shutil.which("terraform")
LAB = ROOT / "build/venv/terraform_lab/bin/python"
NO_CLI = "neither tofu nor terraform is here: fmt, validate and test of deploy/terraform left out"
NO_PROVIDER = "no provider is here (make test-terraform makes one): validate and test of deploy/terraform left out"
ENVIRONMENT = {**os.environ, "TF_CLI_CONFIG_FILE": os.devnull, "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1",
               "AWS_REGION": "us-west-2", "AWS_EC2_METADATA_DISABLED": "true"}


def cli(folder: pathlib.Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(CLI), *arguments], cwd=folder, text=True, capture_output=True,
                          env={**ENVIRONMENT, **environment})


@pytest.mark.skipif(not CLI, reason=NO_CLI)
def test_formatted_as_the_cli_formats():
    done = cli(GROUND, "fmt", "-check", "-diff", "-recursive", ".")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def provider(tmp_path) -> Iterator[str]:
    """How the CLI finds a provider that answers from the real schema."""
    if not CLI:
        pytest.skip(NO_CLI)
    if not LAB.exists() or not list((CACHE / "terraform").glob("schema-*.json")):
        pytest.skip(NO_PROVIDER)
    file = tmp_path / "provider.json"
    process = subprocess.Popen([LAB, ROOT / "tests/terraform/lab/provider_double.py", f"--environment={file}", "--offline"],
                               env={**ENVIRONMENT, "PUNA_LAB_CACHE": str(CACHE)})
    try:
        end = time.monotonic() + 30
        while not file.exists():
            assert process.poll() is None and time.monotonic() < end, "the provider does not start"
            time.sleep(0.05)
        yield file.read_text()
    finally:
        process.terminate()
        process.wait()


def test_valid_by_the_real_schema_and_its_own_tests_pass(provider, tmp_path):
    folder = tmp_path / "terraform"
    shutil.copytree(GROUND, folder, ignore=shutil.ignore_patterns(".terraform*", ".ground", "*.tfstate*", "*.tfvars*", "backend.tf"))
    for arguments in (["init", "-backend=false"], ["validate"], ["test"]):
        done = cli(folder, *arguments, "-no-color", TF_REATTACH_PROVIDERS=provider)
        assert done.returncode == 0, done.stdout + done.stderr
    assert ", 0 failed" in done.stdout
