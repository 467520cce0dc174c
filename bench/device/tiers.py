"""A list of things to try on a device: each is done, timed, and shown as a line of a table; a failure stops no other."""

import dataclasses
import json
import time
from collections.abc import Callable

from served import DeviceError

OK, FAILED, SKIPPED = "ok", "FAILED", "not run"


class Skipped(Exception):
    """Why something was not tried."""


@dataclasses.dataclass
class Tier:
    name: str
    result: str
    seconds: float
    detail: str


class Tiers:
    def __init__(self) -> None:
        self.tiers: list[Tier] = []

    def run(self, name: str, work: Callable[[], str]) -> bool:
        """Does `work`, whose words say what was seen; true when it could be done."""
        began = time.monotonic()
        try:
            result, detail = OK, work()
        except Skipped as reason:
            result, detail = SKIPPED, str(reason)
        except DeviceError as failure:
            result, detail = FAILED, str(failure)
        self.tiers.append(Tier(name, result, round(time.monotonic() - began, 1), detail))
        print(self._line(self.tiers[-1]), flush=True)
        return result == OK

    @property
    def failed(self) -> bool:
        return any(one.result == FAILED for one in self.tiers)

    @staticmethod
    def _line(tier: Tier) -> str:
        return f"{tier.result:8} {tier.seconds:7.1f} s  {tier.name:34} {tier.detail}"

    def table(self) -> str:
        rows = ["| what | result | s | seen |", "|---|---|---|---|"]
        rows += [f"| {one.name} | {one.result} | {one.seconds} | {one.detail.replace('|', '/')} |" for one in self.tiers]
        return "\n".join(rows) + "\n"

    def json(self) -> str:
        return json.dumps([dataclasses.asdict(one) for one in self.tiers], indent=1) + "\n"
