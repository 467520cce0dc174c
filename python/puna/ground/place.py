"""Where things are: the Terraform configuration, what was chosen, logs, copies of the state."""

import contextlib
import fcntl
import json
import os
import pathlib
import shutil
import time
from collections.abc import Iterator
from typing import Any

from .commands import GroundError

STATES_KEPT = 20
FREE_BYTES_MIN = 512 << 20


class Place:
    """`terraform` is the folder of the configuration; everything else is below it, and git ignores it."""

    def __init__(self, terraform: pathlib.Path) -> None:
        self.terraform = terraform.resolve()
        self.repository = self.terraform.parent.parent
        self.own = self.terraform / ".ground"
        self.logs, self.states, self.parts = self.own / "logs", self.own / "states", self.own / "parts"
        self.kubeconfig, self.environment = self.own / "kubeconfig", self.own / "puna.env"
        self.variables_file = self.terraform / "ground.auto.tfvars.json"
        self.state = self.terraform / "terraform.tfstate"
        self._settings_file = self.own / "settings.json"

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """One install or cleanup at a time here; the lock ends with the process, however it ends."""
        self.own.mkdir(parents=True, exist_ok=True)
        with (self.own / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise GroundError(f"another install.sh or cleanup.sh is running in {self.terraform}",
                                  "wait until it ends") from error
            yield

    def variables(self) -> dict[str, Any]:
        return self._read(self.variables_file)

    def settings(self) -> dict[str, Any]:
        """What is not Terraform's: account, overlay, tag."""
        return self._read(self._settings_file)

    def _read(self, path: pathlib.Path) -> dict[str, Any]:
        if not path.exists():
            return {}
        try:
            found = json.loads(path.read_text())
        except ValueError as error:
            raise GroundError(f"{path} is not JSON: {error}", "mend it, or remove it and give the options again") from error
        if not isinstance(found, dict):
            raise GroundError(f"{path} is not a JSON object", "mend it, or remove it and give the options again")
        return found

    def save_variables(self, variables: dict[str, Any]) -> None:
        write_whole(self.variables_file, json.dumps(variables, indent=2, sort_keys=True) + "\n")

    def save_settings(self, **changes: Any) -> None:
        write_whole(self._settings_file, json.dumps(self.settings() | changes, indent=2, sort_keys=True) + "\n")

    def keep_state(self) -> None:
        """A copy before anything changes; one that is empty or cut off is no copy."""
        if not self.is_state_sound() or not self.state.exists():
            return
        self.states.mkdir(parents=True, exist_ok=True)
        now = time.time_ns()
        # Names in the order of time, also within a second and when clocks change for summer.
        name = time.strftime("%Y%m%d-%H%M%S", time.gmtime(now // 10**9)) + f"-{now // 1000 % 10**6:06d}.tfstate"
        try:
            shutil.copy2(self.state, self.states / name)
        except OSError as error:
            (self.states / name).unlink(missing_ok=True)
            raise GroundError(f"no copy of the state can be kept: {error.strerror}", "make room on this disk") from error
        for old in sorted(self.states.iterdir())[:-STATES_KEPT]:
            old.unlink()

    def is_state_sound(self) -> bool:
        """False when the file is there and is no state."""
        if not self.state.exists():
            return True
        try:
            return isinstance(json.loads(self.state.read_text()).get("resources"), list)
        except (ValueError, AttributeError):
            return False

    def has_resources(self) -> bool:
        """Whether the state here, when it is here, knows of anything."""
        return self.state.exists() and self.is_state_sound() and bool(json.loads(self.state.read_text())["resources"])

    def state_is_here(self) -> bool:
        """Whether the state is a file of this folder (backend.tf says otherwise)."""
        return not (self.terraform / "backend.tf").exists()

    def free_bytes(self) -> int:
        return shutil.disk_usage(self.terraform).free


def write_whole(path: pathlib.Path, text: str) -> None:
    """All of it or nothing, also when the disk is full."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    try:
        new.write_text(text)
        os.replace(new, path)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise GroundError(f"{path} cannot be written: {error.strerror}", "make room on this disk") from error
