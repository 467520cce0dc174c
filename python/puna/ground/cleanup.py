"""Gives everything back: what runs in the cluster, what controllers made for it, the layers; then proves it by tags."""

import argparse
import sys
import time

from . import preflight
from .aws import Aws, AwsError
from .commands import Commands, GroundError, words_of
from .findings import Ours, clusters, ec2, everything, tags_of, vpcs
from .kubectl import Kubectl
from .place import Place
from .removal import Removal
from .terraform import Terraform, program

# What the last destroy may take: the real provider tries a subnet that is in use for twenty minutes.
DESTROY_S = 2400.0
OWN_NAMESPACES = ("llama2", "gradio-llama2-inf2")
BEHIND = ("rayservice", "rayjob", "raycluster")
DOORS = ("ingress", "gateways.gateway.networking.k8s.io")


class Cleanup:
    def __init__(self, commands: Commands, place: Place, options: argparse.Namespace) -> None:
        self.commands, self.place, self.options, self.say = commands, place, options, commands.say
        variables = place.variables()
        self.name = str(options.name or variables.get("name", "llama2"))
        self.region = str(options.region or variables.get("region", "us-west-2"))
        if not options.without_state and (self.name, self.region) != (variables.get("name", self.name),
                                                                      variables.get("region", self.region)):
            raise GroundError(f"the ground of this folder is {variables['name']} in {variables['region']}",
                              "leave --name and --region out, or say --without-state")
        commands.environment.update(AWS_REGION=self.region, AWS_DEFAULT_REGION=self.region)
        self.aws = Aws(commands, commands.environment.get("AWS_ENDPOINT_URL", ""))
        self.ours = Ours(self.name)
        self.kubectl = Kubectl(commands, place)
        self.terraform = Terraform(commands, place, program(commands.environment))
        self.removal = Removal(self.aws, commands, self.ours, options.wait)

    def run(self) -> None:
        self.look()
        preflight.ask_to_go_on(self.commands, self.options.yes,
                               f"Give back everything of {self.name} in {self.region}, volumes and images included?",
                               sys.stdin.isatty())
        stages = ["applications", "controllers", *(["by_tags"] if self.options.without_state else ["cluster", "network"]), "proof"]
        for number, stage in enumerate(stages, 1):
            action = getattr(self, f"do_{stage}")
            self.say(f"[{number}/{len(stages)}] {stage}: {(action.__doc__ or '').strip()}")
            began = time.monotonic()
            try:
                action(stage)
            except GroundError as error:
                raise GroundError(f"stage {stage} failed\n{error}\nlog: {self.commands.log_of(stage)}",
                                  f"{error.advice or 'mend it'}; go on with: ./cleanup.sh") from error
            self.say(f"    done in {words_of(time.monotonic() - began)}")

    def look(self) -> None:
        self.say(f"preflight for {self.name} in {self.region}")
        report = preflight.Report()
        preflight.tools(self.commands, report, self.terraform.binary)
        preflight.region(self.commands, report, self.region)
        preflight.disk(self.place, report)
        if not any("aws" in one for one in report.problems):
            preflight.identity(self.aws, report, self.place.settings())
        report.show(self.commands)
        if not self.options.without_state and self.place.state_is_here():
            self.terraform.require_sound_state()
            if not self.place.has_resources() and (vpcs(self.aws, self.ours) or clusters(self.aws, self.ours)):
                raise GroundError(f"there are a VPC or a cluster of {self.name}, but the state here does not know them",
                                  "put the newest copy of .ground/states back as terraform.tfstate, or say --without-state: then "
                                  "everything with our tags is removed without Terraform")

    # Stages.

    def do_applications(self, stage: str) -> None:
        """what runs in the cluster, while its controllers still live"""
        found = clusters(self.aws, self.ours)
        if not found:
            self.say("    there is no cluster (any more)")
            return
        self.commands.run(stage, "aws", "eks", "update-kubeconfig", "--region", self.region, "--name", self.name,
                          "--kubeconfig", str(self.place.kubeconfig))
        words = "" if self.commands.dry_run else self.kubectl.reaches()
        if words:
            self.say(f"    the cluster is not reached ({words}): what it made is removed by its tags")
            return
        # Load balancers first: what makes them must live to take them away.
        for kind in DOORS:
            self.delete(stage, kind, "--all", "--all-namespaces")
        for one in self.kubectl.items("service", "--all-namespaces"):
            if one["spec"].get("type") == "LoadBalancer":
                self.delete(stage, "service", one["metadata"]["name"], f"--namespace={one['metadata']['namespace']}")
        for kind in BEHIND:
            self.delete(stage, kind, "--all", "--all-namespaces", "--cascade=foreground")
        self.delete(stage, "namespace", *OWN_NAMESPACES)
        # Karpenter drains and ends its machines.
        self.delete(stage, "nodepools", "--all")
        self.delete(stage, "nodeclaims", "--all")

    def delete(self, stage: str, *what: str) -> None:
        """With an end: what is stuck goes with the cluster, and what it holds in AWS is swept by tags."""
        wait = int(self.options.wait)
        done = self.kubectl.run(stage, "delete", *what, "--ignore-not-found", f"--timeout={wait}s", limit_s=wait + 60)
        if done.code != 0 and "doesn't have a resource type" not in done.output:
            stuck = [f"{one['kind']} {one['metadata']['name']}" + (f", finalizers {', '.join(one['metadata']['finalizers'])}"
                                                                  if one["metadata"].get("finalizers") else "")
                     for one in self.kubectl.items(*what) if one.get("metadata", {}).get("deletionTimestamp")]
            self.say(f"    not gone after {wait} s, going on without: {'; '.join(stuck) or done.output[-200:]}")

    def do_controllers(self, stage: str) -> None:
        """load balancers, machines and interfaces that controllers made"""
        self.sweep(stage)

    def sweep(self, stage: str) -> None:
        stuck = self.removal.sweep(stage)
        if stuck:
            raise GroundError("not removed:\n" + "\n".join(f"- {one}" for one in stuck), "see why, remove it")

    def do_cluster(self, stage: str) -> None:
        """nodes, roles, registry, control plane"""
        # Everything that stands on the network; what needs the cluster goes with it.
        for target in ("module.storage", "module.registry", "module.cluster"):
            self.destroy(stage, target)
        self.sweep(stage)
        stuck = self.removal.sweep_volumes(stage)
        if stuck:
            raise GroundError("not removed:\n" + "\n".join(f"- {one}" for one in stuck), "see why, remove it")

    def do_network(self, stage: str) -> None:
        """the VPC and what is left"""
        self.destroy(stage)
        if not self.commands.dry_run and self.terraform.resources():
            raise GroundError("the state still has resources", "run it again")

    def destroy(self, stage: str, target: str = "") -> None:
        try:
            self.terraform.destroy(stage, target, DESTROY_S)
        except GroundError as error:
            way = self.in_the_way()
            raise GroundError(f"{error}" + ("\nin the way, and not ours to remove:\n" + "\n".join(way) if way else ""),
                              error.advice) from error

    def in_the_way(self) -> list[str]:
        """What others have in our VPC."""
        try:
            own = vpcs(self.aws, self.ours)
            found = [f"- network interface {one['NetworkInterfaceId']}: {one.get('Description') or 'no description'}"
                     for one in ec2(self.aws, "describe-network-interfaces", "NetworkInterfaces")
                     if one.get("VpcId") in own and not self.ours.tagged(tags_of(one, "TagSet"))]
            return found + [f"- security group {one['GroupId']}: {one.get('GroupName')}"
                            for one in ec2(self.aws, "describe-security-groups", "SecurityGroups")
                            if one.get("VpcId") in own and one.get("GroupName") != "default"
                            and not self.ours.tagged(tags_of(one))]
        except AwsError:
            return []

    def do_by_tags(self, stage: str) -> None:
        """everything with our tags, without Terraform"""
        stuck = self.removal.everything(stage)
        if stuck:
            raise GroundError("not removed:\n" + "\n".join(f"- {one}" for one in stuck), "see why, remove it")
        if not self.commands.dry_run and self.place.state_is_here() and self.place.state.exists():
            self.place.keep_state()
            self.place.state.unlink()

    def do_proof(self, stage: str) -> None:
        """nothing of ours is left"""
        if self.commands.dry_run:
            for one in everything(self.aws, self.ours):
                self.say(f"    there is {one}")
            return
        # EKS may write its log group again after the cluster is gone.
        left = everything(self.aws, self.ours)
        if [one for one in left if one.kind == "log group"]:
            self.aws.change(stage, "logs", "delete-log-group", "--log-group-name", f"/aws/eks/{self.name}/cluster")
            left = everything(self.aws, self.ours)
        if left:
            raise GroundError("still there:\n" + "\n".join(f"- {one}" for one in left),
                              "what a bucket or a volume holds may be yours: look, remove it")
        self.place.save_settings(account="", ami="")
        self.say("    nothing left; the key of the Secrets waits 7 days for its deletion, as AWS has it")
