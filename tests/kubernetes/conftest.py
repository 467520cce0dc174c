"""`--long` (make test-kubernetes) adds the tests that take minutes."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from long_option import pytest_addoption, pytest_collection_modifyitems, pytest_configure  # noqa: E402, F401
