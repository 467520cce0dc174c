"""The AWS CLI: answers as JSON, refusals as errors with AWS's code."""

import json
import re
from typing import Any

from .causes import failure
from .commands import Commands, Done, GroundError

GONE = re.compile(r"NotFound|NoSuch|NotExist|NonExistent|does not exist|not found", re.IGNORECASE)


class AwsError(GroundError):
    def __init__(self, command: str, output: str) -> None:
        found = re.search(r"\(([\w.]+)\) when calling", output)
        self.code = found[1] if found else ""
        super().__init__(*failure(f"aws {command}", output))

    @property
    def is_gone(self) -> bool:
        return bool(GONE.search(self.code or str(self)))


class Aws:
    def __init__(self, commands: Commands, endpoint: str = "") -> None:
        self.commands, self.endpoint = commands, endpoint

    def json(self, service: str, *arguments: str, limit_s: float = 90) -> Any:
        done = self.commands.ask(*self._command(service, arguments), limit_s=limit_s)
        if done.code != 0:
            raise AwsError(f"{service} {arguments[0]}", done.errors or "no answer in time")
        return json.loads(done.output or "{}")

    def _command(self, service: str, arguments: tuple[str, ...]) -> list[str]:
        # Some releases do not take the endpoint of every service from the environment.
        where = ["--endpoint-url", self.endpoint] if self.endpoint else []
        return ["aws", service, *arguments, "--output", "json", *where]

    def change(self, stage: str, service: str, *arguments: str) -> Done:
        """Something that is changed; what is gone already counts as done."""
        done = self.commands.run(stage, *self._command(service, arguments))
        if done.code != 0 and not GONE.search(done.output):
            raise AwsError(f"{service} {arguments[0]}", done.output)
        return done
