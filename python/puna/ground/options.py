"""The command line of install.sh and cleanup.sh."""

import argparse
import pathlib
from typing import Any

from .. import __version__
from .preflight import parse_value

INSTALL_STAGES = ["init", "network", "cluster", "rest", "kubectl", "parts", "images", "overlay", "ready"]

INGRESS = ["none", "internal", "internet-facing"]


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="puna.ground", description="Puna's ground on AWS: VPC, EKS, Karpenter, and what stands on it")
    commands = top.add_subparsers(dest="command", required=True)
    install = commands.add_parser("install", prog="install.sh", help="make it, or finish making it",
                                  description="Makes the ground in stages and can be run again from any point: what is there is kept.")
    cleanup = commands.add_parser("cleanup", prog="cleanup.sh", help="give all of it back",
                                  description="Gives everything back: applications, what controllers made, machines, layers; "
                                  "then proves by tags that nothing is left, or says what is and why (exit 1).")
    for one in (install, cleanup):
        one.add_argument("--yes", action="store_true", help="do not ask")
        one.add_argument("--dry-run", action="store_true", help="look, and say what would be done; change nothing")
        one.add_argument("--terraform", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    add_install(install)
    cleanup.add_argument("--without-state", action="store_true",
                         help="the state is lost: remove by tags and not by Terraform (needs --name and --region when they are "
                         "not those of this folder)")
    cleanup.add_argument("--name")
    cleanup.add_argument("--region")
    cleanup.add_argument("--wait", type=float, default=600, metavar="SECONDS", help="for each kind of thing to go (default 600)")
    return top


def add_install(install: argparse.ArgumentParser) -> None:
    install.add_argument("--name", help="name of the cluster (default: llama2, or that of the last time)")
    install.add_argument("--region", help="default: us-west-2, or that of the last time")
    install.add_argument("--zone", action="append", metavar="ID", help="zone id, two or three times (default: the region's with Inf2)")
    install.add_argument("--api-cidr", action="append", metavar="CIDR",
                         help="who reaches the API server from the internet, such as 203.0.113.7/32; without it only the VPC does")
    install.add_argument("--var", action="append", default=[], metavar="NAME=VALUE", type=variable,
                         help="another variable of deploy/terraform/variables.tf; VALUE may be JSON")
    install.add_argument("--overlay", help="of deploy/kubernetes/overlays, such as llama2-13b-inf2 (default: the last one, or none)")
    install.add_argument("--ingress", choices=INGRESS,
                         help="the load balancer before the model: inside the VPC, open to the internet (an overlay that asks for "
                         "keys: …-public), or none (default: that of the last time, or what the overlay is made for)")
    install.add_argument("--tag", help=f"of the images puna and puna-gradio (default: {__version__})")
    install.add_argument("--ami", metavar="ALIAS",
                         help="of Karpenter's machines, such as al2023@v20251120 (default: EKS's newest, then kept)")
    install.add_argument("--from", dest="first", choices=INSTALL_STAGES, default=INSTALL_STAGES[0], help="begin at this stage")
    install.add_argument("--until", dest="last", choices=INSTALL_STAGES, default=INSTALL_STAGES[-1], help="end after this stage")
    install.add_argument("--wait", type=float, default=1800, metavar="SECONDS", help="for the model to answer (default 1800)")


def variable(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise argparse.ArgumentTypeError(f"{text}: NAME=VALUE, such as nat_gateway_per_zone=false")
    return name, parse_value(value)


def chosen_variables(before: dict[str, Any], options: argparse.Namespace) -> dict[str, Any]:
    """Of the last time, changed by what was given now."""
    given = {"name": options.name, "region": options.region, "zones": options.zone, "api_cidrs": options.api_cidr}
    return {"name": "llama2", "region": "us-west-2"} | before | {
        key: value for key, value in given.items() if value is not None} | dict(options.var)
