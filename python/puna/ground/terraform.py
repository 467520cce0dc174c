"""Terraform or OpenTofu on deploy/terraform: a copy of the state before each change, signals handed on once."""

import json
import shutil
from typing import Any

from .commands import Commands, Done, GroundError
from .place import Place

LAYERS = ["module.network", "module.cluster"]
COMMON = ("-input=false", "-no-color")


def program(environment: dict[str, str]) -> str:
    """$TF, or the one that is there."""
    chosen = environment.get("TF", "")
    names = [chosen] if chosen else ["tofu", "terraform"]
    path = environment.get("PATH")
    found = next((name for name in names if shutil.which(name, path=path)), "")
    if not found:
        raise GroundError(f"{' and '.join(names)} not found on PATH", "install OpenTofu or Terraform 1.10 or later, or set TF")
    return found


class Terraform:
    def __init__(self, commands: Commands, place: Place, binary: str) -> None:
        self.commands, self.place, self.binary = commands, place, binary

    def _line(self, *arguments: str) -> tuple[str, ...]:
        return (self.binary, f"-chdir={self.place.terraform}", *arguments)

    def init(self, stage: str) -> None:
        self.commands.run(stage, *self._line("init", *COMMON)).must(f"{self.binary} init")

    def plan(self, stage: str) -> Done:
        return self.commands.ask(*self._line("plan", *COMMON, "-lock=false"), limit_s=600)

    def apply(self, stage: str, target: str = "") -> None:
        self._change(stage, "apply", target, 0)

    def destroy(self, stage: str, target: str = "", limit_s: float = 0) -> None:
        self._change(stage, "destroy", target, limit_s)

    def _change(self, stage: str, what: str, target: str, limit_s: float) -> None:
        if not self.commands.dry_run and self.place.state_is_here():
            self.require_sound_state()
            self.place.keep_state()
        targets = [f"-target={target}"] if target else []
        self.commands.run(stage, *self._line(what, *COMMON, "-auto-approve", "-lock-timeout=60s", *targets),
                          limit_s=limit_s).must(f"{self.binary} {what}")

    def require_sound_state(self) -> None:
        if not self.place.is_state_sound():
            newest = max(self.place.states.glob("*.tfstate"), default=None)
            copy = f"cp '{newest}' '{self.place.state}'" if newest else "there is no copy in .ground/states"
            raise GroundError(f"{self.place.state} is not whole: a run was killed, or the disk was full",
                              f"put the newest copy back ({copy}) and run it again; what that copy does not know yet is "
                              "refused as existing: then `./cleanup.sh --without-state` gives all of it back by its tags")

    def outputs(self) -> dict[str, Any]:
        done = self.commands.ask(*self._line("output", "-json", "-no-color"))
        try:
            found = json.loads(done.output or "{}") if done.code == 0 else {}
        except ValueError:
            found = {}
        return {name: one.get("value") for name, one in found.items()}

    def resources(self) -> list[str]:
        """Addresses in the state."""
        done = self.commands.ask(*self._line("state", "list"))
        return done.output.splitlines() if done.code == 0 else []
