"""AWS as a double for all tests of a run, and for some a control plane behind its EKS. Needs root (namespaces)."""

import os
import pathlib
import sys
from collections.abc import Iterator

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent.parent
sys.path[:0] = [str(ROOT / one) for one in ("tests/terraform/lab", "tests/kubernetes/lab", "tests/kubernetes", "python")]

from made_up_nodes import nodes, volumes  # noqa: E402
from terraform_lab import FRONT, TerraformLab, make_checkout, make_parts  # noqa: E402

WEBHOOK = {"apiVersion": "v1", "kind": "Config", "current-context": "aws",
           "clusters": [{"name": "aws", "cluster": {"server": f"http://127.0.0.1:{FRONT}/_double/tokenreview"}}],
           "users": [{"name": "api"}], "contexts": [{"name": "aws", "context": {"cluster": "aws", "user": "api"}}]}


def need_root() -> None:
    if os.geteuid() != 0:
        pytest.fail("the lab makes namespaces and needs root: sudo make test-terraform", pytrace=False)


@pytest.fixture(scope="session")
def lab() -> Iterator[TerraformLab]:
    """AWS without a cluster behind EKS."""
    need_root()
    running = TerraformLab(ROOT / "build/terraform-lab")
    try:
        running.start_aws()
        yield running
    finally:
        running.close()


@pytest.fixture
def checkout(lab, tmp_path) -> pathlib.Path:
    """An empty AWS and a checkout that has been initialised."""
    lab.empty_aws()
    made = make_checkout(tmp_path / "checkout")
    lab.tf(made, "init", "-no-color")
    return made


@pytest.fixture(scope="session")
def whole() -> Iterator[TerraformLab]:
    """AWS with a real control plane behind EKS, where `aws eks get-token` lets in; machines are made up by kwok."""
    need_root()
    running = TerraformLab(ROOT / "build/terraform-lab-whole")
    try:
        webhook = running.folder / "webhook.conf"
        webhook.write_text(yaml.safe_dump(WEBHOOK))
        running.start_control_plane(f"--authentication-token-webhook-config-file={webhook}",
                                    definitions="ray")  # the operator's; the others install.sh brings
        running.apply([*nodes(), *volumes(8)])
        for one in nodes():
            running.kubectl("patch", "node", one["metadata"]["name"], "--subresource=status", "--type=merge",
                            f"--patch={yaml.safe_dump({'status': one['status']})}")
        running.start_aws("--cluster-endpoint=https://127.0.0.1:6443", f"--cluster-ca={running.folder}/pki/ca.crt")
        running.start_operator()
        running.forward_ports()
        running.environment["PUNA_PARTS"] = str(running.folder / "parts")
        running.stand_ins = make_parts(running.folder / "parts")
        yield running
    finally:
        running.close()
