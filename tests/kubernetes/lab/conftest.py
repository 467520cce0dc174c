"""One lab for all tests of a run: control plane, operator, made-up nodes. Needs root (namespaces)."""

import os
import pathlib
import sys
from collections.abc import Iterator

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent.parent
sys.path[:0] = [str(ROOT / one) for one in ("tests/kubernetes/lab", "tests/kubernetes", "tests/tutorial", "tests/golden",
                                              "python")]

from control_plane import Lab, wait_until  # noqa: E402
from made_up_nodes import nodes, volumes  # noqa: E402


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
