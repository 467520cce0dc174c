"""What a real CLI says of deploy/terraform, where there is one: nothing is fetched for it."""

import os
import shutil
import subprocess

import pytest
from hcl_files import GROUND

CLI = os.environ.get("TF") or shutil.which("tofu") or shutil.which("terraform")


@pytest.mark.skipif(not CLI, reason="neither tofu nor terraform is here: fmt, validate and test of deploy/terraform left out")
def test_formatted_as_the_cli_formats():
    done = subprocess.run([str(CLI), "fmt", "-check", "-diff", "-recursive", "."], cwd=GROUND, text=True,
                          capture_output=True, env={**os.environ, "TF_CLI_CONFIG_FILE": os.devnull, "CHECKPOINT_DISABLE": "1"})
    assert done.returncode == 0, done.stdout + done.stderr
