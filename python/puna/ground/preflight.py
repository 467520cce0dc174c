"""What must hold before anything is made: tools, identity, region, zones, quota. All problems at once, then the cost."""

import dataclasses
import json
import re
import shutil
from typing import Any

from . import cost
from .aws import Aws, AwsError
from .commands import Commands, GroundError
from .findings import Ours, clusters, vpcs
from .place import FREE_BYTES_MIN, Place

TOOLS = {"aws": ((1, 27), ("--version",), r"aws-cli/(\d+)\.(\d+)"),
         "kubectl": ((1, 27), ("version", "--client", "--output=json"), r'"gitVersion": "v(\d+)\.(\d+)')}
TERRAFORM_MIN = (1, 10)
# Service Quotas: running on-demand Inf instances, in vCPUs.
INF_QUOTA = "L-1945791B"
REGIONS = ("us-east-1", "us-east-2", "us-west-2")


@dataclasses.dataclass
class Report:
    problems: list[str] = dataclasses.field(default_factory=list)
    warnings: list[str] = dataclasses.field(default_factory=list)
    facts: list[str] = dataclasses.field(default_factory=list)
    account: str = ""

    def show(self, commands: Commands) -> None:
        for one in self.facts:
            commands.say(f"    {one}")
        for one in self.warnings:
            commands.say(f"    warning: {one}")
        if self.problems:
            raise GroundError("\n".join(f"- {one}" for one in self.problems), "mend this, then run it again; nothing was changed")


def tools(commands: Commands, report: Report, binary: str, wanted: tuple[str, ...] = ("aws", "kubectl")) -> None:
    done = commands.ask(binary, "version", "-json")
    check_version(report, binary, done.output, r'"terraform_version": *"(\d+)\.(\d+)', TERRAFORM_MIN)
    for name in wanted:
        lowest, arguments, pattern = TOOLS[name]
        if not shutil.which(name, path=commands.environment.get("PATH")):
            report.problems.append(f"{name} not found on PATH: install {name} {lowest[0]}.{lowest[1]} or later")
            continue
        check_version(report, name, commands.ask(name, *arguments).output, pattern, lowest)


def check_version(report: Report, name: str, output: str, pattern: str, lowest: tuple[int, int]) -> None:
    found = re.search(pattern, output)
    if not found:
        report.problems.append(f"{name} does not say its version: {output[:200] or 'nothing'}")
        return
    version = (int(found[1]), int(found[2]))
    words = f"{name} {version[0]}.{version[1]}"
    if version < lowest:
        report.problems.append(f"{words} is too old: {lowest[0]}.{lowest[1]} or later")
    else:
        report.facts.append(words)


def identity(aws: Aws, report: Report, settings: dict[str, Any]) -> None:
    try:
        who = aws.json("sts", "get-caller-identity")
    except AwsError as error:
        report.problems.append(f"{error}{': ' + error.advice if error.advice else ''}")
        return
    report.account = str(who["Account"])
    report.facts.append(f"account {report.account} as {who['Arn']}")
    before = settings.get("account")
    if before and before != report.account:
        report.problems.append(f"these credentials are of account {report.account}, but the ground of this folder is in "
                               f"{before}: use credentials of {before}, or another checkout")


def region(commands: Commands, report: Report, chosen: str) -> None:
    if chosen not in REGIONS:
        report.problems.append(f"region {chosen}: Inf2 zones are known for {', '.join(REGIONS)} only")
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        other = commands.environment.get(f"GIVEN_{name}")
        if other and other != chosen:
            report.warnings.append(f"{name} is {other}, but everything is made in {chosen} (--region)")


def disk(place: Place, report: Report) -> None:
    if place.free_bytes() < FREE_BYTES_MIN:
        report.problems.append(f"{place.free_bytes() >> 20} MiB are free in {place.terraform}: a state that cannot be written is "
                               f"lost; at least {FREE_BYTES_MIN >> 20} MiB")


def zones(aws: Aws, report: Report, chosen: list[str], instance: str) -> None:
    """Chosen zones exist in this account, and one of all has the machine that the overlay needs."""
    answer = aws.json("ec2", "describe-availability-zones")
    known = {one["ZoneId"] for one in answer["AvailabilityZones"]}
    missing = [one for one in chosen if one not in known]
    if missing:
        report.problems.append(f"this account has no zones {', '.join(missing)}; it has {', '.join(sorted(known))}")
    if not instance:
        return
    answer = aws.json("ec2", "describe-instance-type-offerings", "--location-type", "availability-zone-id",
                      "--filters", f"Name=instance-type,Values={instance}")
    offered = {one["Location"] for one in answer["InstanceTypeOfferings"]}
    if not offered & set(chosen):
        report.problems.append(f"{instance} is offered in {', '.join(sorted(offered)) or 'no zone'} of this region, not in "
                               f"{', '.join(chosen)} (--zone)")


def quota(aws: Aws, report: Report, vcpus: int) -> None:
    if not vcpus:
        return
    try:
        answer = aws.json("service-quotas", "get-service-quota", "--service-code", "ec2", "--quota-code", INF_QUOTA)
        allowed = float(answer["Quota"]["Value"])
    except AwsError as error:
        report.warnings.append(f"the quota of Inf machines cannot be read ({error.code or 'no answer'}); {vcpus} vCPUs are needed")
        return
    if allowed < vcpus:
        report.problems.append(f"the account may run {allowed:.0f} vCPUs of Inf machines, the overlay needs {vcpus}: ask for more "
                               f"at Service Quotas, EC2, {INF_QUOTA} (takes hours to days)")
    else:
        report.facts.append(f"quota of Inf machines: {allowed:.0f} vCPUs, needed {vcpus}")


def kubernetes_version(aws: Aws, report: Report, version: str, prices: dict[str, Any]) -> None:
    try:
        known = aws.json("eks", "describe-cluster-versions")["clusterVersions"]
    except AwsError:
        return  # an old CLI does not know the question
    status = {one["clusterVersion"]: one.get("versionStatus") or str(one.get("status", "")).upper() for one in known}
    if version not in status:
        report.problems.append(f"EKS does not offer Kubernetes {version}; it offers {', '.join(sorted(status))} "
                               "(--var cluster_version=…)")
    elif "EXTENDED" in str(status[version]):
        report.warnings.append(f"Kubernetes {version} is in extended support: ${prices['cluster_hour_extended_support']:.2f} an hour "
                               f"for the control plane, not ${prices['cluster_hour']:.2f}")


def lost_state(aws: Aws, report: Report, ours: Ours, has_resources: bool) -> None:
    if has_resources:
        return
    there = [f"VPC {one}" for one in vpcs(aws, ours)] + [str(one) for one in clusters(aws, ours)]
    if there:
        report.problems.append(
            f"{', '.join(there)} of {ours.name} exist, but the state here does not know them. If they are of another checkout, use "
            "that one, or another --name. If the state was lost: put the newest copy of .ground/states back as "
            "terraform.tfstate, or give everything back with `./cleanup.sh --without-state`")


def overlay(place: Place, report: Report, name: str, prices: dict[str, Any]) -> None:
    if not name:
        return
    folder = place.repository / "deploy/kubernetes/overlays"
    there = sorted(one.name for one in folder.iterdir() if one.is_dir())
    if name not in there:
        report.problems.append(f"there is no overlay {name}; there are {', '.join(there)}")
    elif name not in prices["overlays"]:
        report.problems.append(f"overlay {name} needs machines for which there is no node pool here; choose one of "
                               f"{', '.join(sorted(prices['overlays']))}")


def has_component(place: Place, name: str, *components: str) -> bool:
    file = place.repository / "deploy/kubernetes/overlays" / name / "kustomization.yaml"
    text = file.read_text() if name and file.exists() else ""
    return any(f"components/{one}\n" in text for one in components)


def ingress_of(place: Place, name: str) -> str:
    """The way in that an overlay is made for."""
    if has_component(place, name, "gateway"):
        return "none"  # by a Gateway of the user's own
    return "internet-facing" if has_component(place, name, "public") else "internal"


def ingress(place: Place, report: Report, name: str, chosen: str) -> None:
    if not name or chosen == "none" or has_component(place, name, "public"):
        return
    if chosen == "internet-facing":
        report.problems.append(f"overlay {name} answers without a key: --ingress internet-facing is for overlays with "
                               "components/public, such as llama2-13b-inf2-public")
    else:
        report.warnings.append("who is in the VPC, or in a network joined to it, may ask the model without a key "
                               "(--ingress none: nobody but the cluster)")


def ask_to_go_on(commands: Commands, yes: bool, question: str, is_terminal: bool) -> None:
    if yes or commands.dry_run:
        return
    if not is_terminal:
        raise GroundError("there is no terminal to ask on", "say --yes")
    if input(f"{question} Type yes: ").strip().lower() != "yes":
        raise GroundError("not confirmed; nothing was changed")


def show_cost(commands: Commands, variables: dict[str, Any], name: str) -> None:
    prices = cost.read_prices()
    commands.say(cost.table(cost.lines(prices, variables, name), prices["dated"]))


def parse_value(text: str) -> Any:
    """KEY=VALUE's value: JSON where it is JSON, text otherwise; 1.34 is a version and stays text."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return text if isinstance(value, float) else value
