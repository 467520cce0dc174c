"""kubectl with the kubeconfig of this ground, never the user's own current context."""

import json
from typing import Any

from .causes import errors_of, explain
from .commands import Commands, Done, GroundError
from .place import Place


class Kubectl:
    def __init__(self, commands: Commands, place: Place) -> None:
        self.commands, self.place = commands, place

    def _line(self, *arguments: str) -> tuple[str, ...]:
        return ("kubectl", f"--kubeconfig={self.place.kubeconfig}", *arguments)

    def run(self, stage: str, *arguments: str, limit_s: float = 0) -> Done:
        return self.commands.run(stage, *self._line(*arguments), limit_s=limit_s)

    def must(self, stage: str, *arguments: str) -> Done:
        done = self.run(stage, *arguments)
        if done.code != 0:
            cause, advice = explain(done.output)
            raise GroundError(f"kubectl {' '.join(arguments[:3])}: {errors_of(done.output)}"
                              f"{chr(10) + 'cause: ' + cause if cause else ''}", advice)
        return done

    def ask(self, *arguments: str, limit_s: float = 30) -> Done:
        return self.commands.ask(*self._line(*arguments, "--request-timeout=10s"), limit_s=limit_s)

    def items(self, *arguments: str) -> list[dict[str, Any]]:
        done = self.ask("get", *arguments, "--output=json")
        return list(json.loads(done.output).get("items", [])) if done.code == 0 else []

    def reaches(self) -> str:
        """Empty when the API server answers, else what was said."""
        done = self.ask("get", "--raw=/readyz")
        return "" if done.code == 0 else (done.errors or done.output or "no answer")[-300:]
