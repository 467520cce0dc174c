"""Starts the doubles in a namespace, and runs a real CLI against them.

Everything is in network and process namespaces without a way out, which end with the process that made them.
"""

import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from typing import Any

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/kubernetes/lab"))

from control_plane import Lab, wait_until  # noqa: E402
from lab_tools import BIN, CACHE, PARTS  # noqa: E402
from load_balancers import definition  # noqa: E402

LOCK = "deploy/kubernetes/ground/lock.json"

VENV = ROOT / "build/venv/terraform_lab/bin"
FRONT, BACKEND = 14500, 14566
TF = os.environ.get("TF", "tofu")
ENVIRONMENT = {
    "AWS_ENDPOINT_URL": f"http://127.0.0.1:{FRONT}", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": "us-west-2", "AWS_DEFAULT_REGION": "us-west-2", "AWS_PAGER": "", "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1",
    "TF_IN_AUTOMATION": "1", "TF_INPUT": "0", "CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": "/dev/null", "TF": TF}


class TerraformLab(Lab):
    """The Kubernetes lab's namespace with AWS in it; `start_control_plane` is for those who want a cluster."""

    def __init__(self, folder: pathlib.Path) -> None:
        super().__init__(folder)
        self.stand_ins: dict[str, str] = {}
        self.tools = pathlib.Path(tempfile.mkdtemp(prefix="ground-"))
        own = f"{self.tools}:{VENV}:{BIN}"
        if os.environ.get("TF"):
            own += f":{pathlib.Path(shutil.which(TF) or '/').parent}"
        self.environment |= {**ENVIRONMENT, "PUNA_LAB_CACHE": str(CACHE),
                             "PATH": f"{own}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        self.run("ip", "link", "set", "lo", "up")

    def forward_ports(self) -> None:
        """kubectl's port-forward, which the lab's kubelet does not carry, by port_forward.py."""
        wrapper = self.tools / "kubectl"
        wrapper.write_text(f"""#!/bin/sh
case " $* " in *" port-forward "*) exec {sys.executable} '{HERE}/port_forward.py' {BIN}/kubectl "$@" ;; esac
exec {BIN}/kubectl "$@"
""")
        wrapper.chmod(0o755)

    def start_aws(self, *cluster: str) -> None:
        settings = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(BACKEND), "MINISTACK_HOST": "127.0.0.1",
                    "MINISTACK_REGION": "us-west-2", "IOT_MTLS_ENABLED": "0", "SFTP_ENABLED": "0", "LOG_LEVEL": "WARNING",
                    "AWS_ENDPOINT_URL": ""}
        self.start("ministack", str(VENV / "ministack"), environment=settings,
                   ready=f"http://127.0.0.1:{BACKEND}/_ministack/health")
        self.start("aws", str(VENV / "python"), str(HERE / "aws_double.py"), f"--port={FRONT}",
                   f"--backend=http://127.0.0.1:{BACKEND}", f"--log={self.folder}/calls.jsonl", *cluster)
        self.start("awscli", str(VENV / "python"), str(HERE / "aws_fork.py"), str(self.tools / "socket"), str(self.tools))
        wait_until(lambda: self.alive("awscli") and (self.tools / "aws").exists(), 60, "the AWS CLI")
        self.start_provider()
        wait_until(lambda: self.run("curl", "-s", f"http://127.0.0.1:{FRONT}/_double/reset", "-d", "{}", check=False).returncode == 0,
                   20, "the double of AWS")

    def start_provider(self, *options: str) -> None:
        file = self.folder / "provider.json"
        file.unlink(missing_ok=True)
        self.start("provider", str(VENV / "python"), str(HERE / "provider_double.py"), f"--environment={file}", *options)
        wait_until(lambda: self.alive("provider") and file.exists(), 30, lambda: f"the provider: {self.last_words('provider')}")
        self.environment["TF_REATTACH_PROVIDERS"] = file.read_text()

    def close(self) -> None:
        super().close()
        shutil.rmtree(self.tools, ignore_errors=True)

    def tell(self, what: str, **rule: Any) -> None:
        """fault, delay, reset."""
        self.run("curl", "--fail", "--silent", f"http://127.0.0.1:{FRONT}/_double/{what}", "--data", json.dumps(rule))

    def empty_aws(self) -> None:
        """AWS as on the first day."""
        self.run("curl", "--fail", "--silent", "--request", "POST", f"http://127.0.0.1:{BACKEND}/_ministack/reset")
        self.tell("empty")

    def aws(self, *arguments: str) -> Any:
        done = self.run("aws", *arguments, "--output", "json", *(["--endpoint-url", ENVIRONMENT["AWS_ENDPOINT_URL"]]))
        return json.loads(done.stdout or "{}")

    def calls(self) -> list[dict[str, Any]]:
        return [json.loads(one) for one in (self.folder / "calls.jsonl").read_text().splitlines()]

    def tf(self, checkout: pathlib.Path, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.run(TF, f"-chdir={checkout / 'deploy/terraform'}", *arguments, check=check, timeout_s=300)


def make_parts(folder: pathlib.Path) -> dict[str, str]:
    """PUNA_PARTS with the definitions of lock.json, and stand-ins where no registry has them; whose hashes are given."""
    shutil.copytree(PARTS, folder)
    lock, hashes = json.loads((ROOT / LOCK).read_text()), {}
    for path in lock["load-balancer"]["files"]:
        file = folder / lock["load-balancer"]["repository"] / lock["load-balancer"]["tag"] / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(definition(path))
        hashes[path] = hashlib.sha256(file.read_bytes()).hexdigest()
    return hashes


def lock_stand_ins(checkout: pathlib.Path, hashes: dict[str, str]) -> None:
    lock = json.loads((checkout / LOCK).read_text())
    lock["load-balancer"]["files"] = hashes
    (checkout / LOCK).write_text(json.dumps(lock))


def make_checkout(folder: pathlib.Path) -> pathlib.Path:
    """A copy of what install.sh needs, so that its state and logs are the test's own."""
    shutil.rmtree(folder, ignore_errors=True)
    for part in ("deploy/terraform", "deploy/kubernetes", "python/puna", "src/plan"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns(
            ".terraform*", "*.tfstate*", "*.auto.tfvars.json", ".ground", "backend.tf", "terraform.tfvars", "__pycache__"))
    return folder
