"""kubectl with the kubeconfig of this ground, never the user's own current context."""

import json
from typing import Any

from .commands import Commands, Done
from .place import Place


class Kubectl:
    def __init__(self, commands: Commands, place: Place) -> None:
        self.commands, self.place = commands, place

    def line(self, *arguments: str) -> tuple[str, ...]:
        return ("kubectl", f"--kubeconfig={self.place.kubeconfig}", *arguments)

    def run(self, stage: str, *arguments: str, limit_s: float = 0) -> Done:
        return self.commands.run(stage, *self.line(*arguments), limit_s=limit_s)

    def must(self, stage: str, *arguments: str) -> Done:
        return self.run(stage, *arguments).must(f"kubectl {' '.join(arguments[:3])}")

    def ask(self, *arguments: str, limit_s: float = 30) -> Done:
        return self.commands.ask(*self.line(*arguments, "--request-timeout=10s"), limit_s=limit_s)

    def items(self, *arguments: str) -> list[dict[str, Any]]:
        done = self.ask("get", *arguments, "--output=json")
        return list(json.loads(done.output).get("items", [])) if done.code == 0 else []

    def reaches(self) -> str:
        """Empty when the API server answers, else what was said."""
        done = self.ask("get", "--raw=/readyz")
        return "" if done.code == 0 else (done.errors or done.output or "no answer")[-300:]
