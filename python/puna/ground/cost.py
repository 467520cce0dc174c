"""What the ground costs an hour, from the dated catalogue that `puna plan` carries too."""

import dataclasses
import json
import os
import pathlib
from typing import Any

HOURS_A_MONTH = 730
CATALOGUE = pathlib.Path(__file__).resolve().parents[3] / "src/plan/catalogue.json"
OVERLAYS = CATALOGUE.parents[2] / "deploy/kubernetes/overlays"


@dataclasses.dataclass(frozen=True)
class Line:
    what: str
    hour: float


def read_prices() -> dict[str, Any]:
    path = pathlib.Path(os.environ.get("PUNA_CATALOGUE") or CATALOGUE)
    prices: dict[str, Any] = json.loads(path.read_text())
    for machines in sorted(OVERLAYS.glob("*/machines.json")):  # of puna plan --write
        prices["overlays"][machines.parent.name] = json.loads(machines.read_text())
    return prices


def machine(prices: dict[str, Any], instance: str, what: str, disk_gib: int) -> Line:
    known = prices["instances"].get(instance)
    disk = disk_gib * prices["gp3_gib_month"] / HOURS_A_MONTH
    return Line(f"{what}: {instance}{'' if known else ' (price not known)'}", (known["hour"] if known else 0) + disk)


def lines(prices: dict[str, Any], variables: dict[str, Any], overlay: str) -> list[Line]:
    """`variables` as Terraform has them, where they are not its defaults."""
    zones = len(variables.get("zones") or []) or 2
    endpoints = len(variables.get("endpoint_services", ["ecr.api", "ecr.dkr", "sts"]))
    gateways = zones if variables.get("nat_gateway_per_zone", True) else 1
    system = variables.get("system_size", {}).get("desired", 3)
    kind = (variables.get("system_instance_types") or ["m5.2xlarge"])[0]
    found = [Line("EKS control plane", prices["cluster_hour"]),
             Line(f"NAT gateways: {gateways}, without traffic", gateways * prices["nat_gateway_hour"]),
             Line(f"interface endpoints: {endpoints} in {zones} zones",
                  endpoints * zones * prices["interface_endpoint_zone_hour"])]
    one = machine(prices, kind, f"system nodes: {system}", 100)
    found.append(Line(one.what, one.hour * system))
    for part, disk in (("head", 200), ("worker", 500)):
        instance = prices["overlays"].get(overlay, {}).get(part)
        if instance:
            count = prices["overlays"][overlay].get("workers", 1) if part == "worker" else 1
            one = machine(prices, instance, f"{overlay}, {part}", disk)
            found.append(Line(one.what if count == 1 else f"{one.what}, {count} of them", one.hour * count))
    return found


def table(found: list[Line], dated: str) -> str:
    total = sum(one.hour for one in found)
    width = max(len(one.what) for one in found)
    rows = [f"    {one.what:{width}}  ${one.hour:8.3f}/h" for one in found]
    return "\n".join([*rows, f"    {'together, list prices of ' + dated:{width}}  ${total:8.3f}/h, "
                      f"about ${total * HOURS_A_MONTH:,.0f} a month when it is never switched off"])


def inf_vcpus(prices: dict[str, Any], overlay: str) -> int:
    """vCPUs of Inferentia that the overlay needs: what the quota counts."""
    machines = prices["overlays"].get(overlay, {})
    worker = machines.get("worker") or ""
    return int(prices["instances"][worker]["vcpus"]) * machines.get("workers", 1) if worker.startswith("inf") else 0
