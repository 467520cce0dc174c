"""One network for all tests, in which containers find each other by name."""

import os
from collections.abc import Iterator

import pytest
from container import NETWORK, podman


def pytest_ignore_collect(collection_path) -> bool | None:
    """Without the namespaces, tests/images/test_dockerfile.py is all that can run."""
    needs_podman = collection_path.name.startswith("test_") and collection_path.name != "test_dockerfile.py"
    return True if needs_podman and "PUNA_CGROUP_PARENT" not in os.environ else None


@pytest.fixture(scope="session", autouse=True)
def network(request) -> Iterator[None]:
    if "PUNA_CGROUP_PARENT" not in os.environ:
        yield
        return
    podman("network", "create", NETWORK)
    yield
    podman("network", "rm", "--force", NETWORK)
