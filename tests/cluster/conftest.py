"""Fixtures: one cluster for all tests of a run, and a plain server to compare its answers with.

`--long` adds the tests that take minutes (make test-cluster); without it they are skipped.
"""

import os
import pathlib
import sys
import tempfile
from collections.abc import Iterator

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / one) for one in ("python", "tests", "tests/http")]

from long_option import pytest_addoption, pytest_collection_modifyitems, pytest_configure  # noqa: E402, F401
from puna.local_cluster import FOLDER_BYTES_MAX  # noqa: E402
from puna_server import PunaServer  # noqa: E402
from running_cluster import STEP_MICROSECONDS, RunningCluster, processes_with, wait_until  # noqa: E402


def cluster_folder(name: str) -> pathlib.Path:
    """Under build/, or in /tmp where its path would be too long for Ray's sockets."""
    folder = ROOT / "build/ray" / name
    if len(os.fsencode(str(folder))) > FOLDER_BYTES_MAX:
        folder = pathlib.Path(tempfile.mkdtemp(prefix="puna-"))
    return folder


@pytest.fixture(scope="session")
def cluster() -> Iterator[RunningCluster]:
    folder = cluster_folder(f"test{os.getpid()}")
    running = RunningCluster(folder)
    yield running
    assert running.close() == 0, running.output()
    # Whatever it started has its folder in the environment or among its open files.
    wait_until(lambda: not list(processes_with(str(folder))), 20, "nothing is left")


@pytest.fixture(scope="session")
def direct() -> Iterator[PunaServer]:
    """The same server without Ray."""
    running = PunaServer(step_microseconds=STEP_MICROSECONDS)
    yield running
    assert running.close() == 0, running.errors
