"""One lab for all tests of a run: control plane, operator, made-up nodes. Needs root (namespaces)."""

import os
import pathlib
import subprocess
import sys
from collections.abc import Iterator

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent.parent
sys.path[:0] = [str(ROOT / one) for one in ("tests/kubernetes/lab", "tests/kubernetes", "python")]

from control_plane import Document, Lab, wait_until  # noqa: E402
from lab_tools import BIN  # noqa: E402
from made_up_nodes import nodes, volumes  # noqa: E402

DEPLOY = ROOT / "deploy/kubernetes"


def kustomize(folder: pathlib.Path) -> list[Document]:
    """The objects of a kustomization, by the real program."""
    text = subprocess.run([BIN / "kustomize", "build", folder], check=True, capture_output=True, text=True)
    return list(yaml.safe_load_all(text.stdout))


def with_components(folder: pathlib.Path, overlay: str, *components: str) -> list[Document]:
    """An overlay with components, as a user would add them."""
    folder.mkdir(exist_ok=True)
    relative = os.path.relpath(DEPLOY, folder)
    (folder / "kustomization.yaml").write_text(yaml.safe_dump({
        "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization",
        "resources": [f"{relative}/overlays/{overlay}"],
        "components": [f"{relative}/components/{one}" for one in components]}))
    return kustomize(folder)


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    if os.geteuid() != 0:
        pytest.fail("the lab makes namespaces and needs root: sudo make test-kubernetes", pytrace=False)
    running = Lab(ROOT / "build/kubernetes-lab")
    try:
        running.start_control_plane()
        running.apply([*nodes(), *volumes(60)])
        # Server-side apply leaves the status out; a kubelet would write it.
        for one in nodes():
            running.kubectl("patch", "node", one["metadata"]["name"], "--subresource=status", "--type=merge",
                            f"--patch={yaml.safe_dump({'status': one['status']})}")
        running.start_operator()
        wait_until(lambda: all("True" in str(one["status"].get("conditions")) for one in running.get("node")),
                   30, "the nodes are ready")
        yield running
    finally:
        running.close()
