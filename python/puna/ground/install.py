"""Makes the ground, stage by stage; stops at the first failure with its cause and how to go on."""

import argparse
import re
import shlex
import sys
import time
from collections.abc import Callable
from typing import Any

from .. import __version__
from . import cost, parts, preflight
from .aws import Aws, AwsError
from .commands import Commands, GroundError, words_of
from .findings import Ours
from .kubectl import Kubectl
from .options import INSTALL_STAGES, chosen_variables
from .place import Place, write_whole
from .ready import Ready
from .terraform import Terraform, program

INF2_ZONES = {"us-east-1": ["use1-az6", "use1-az5"], "us-east-2": ["use2-az3", "use2-az1"], "us-west-2": ["usw2-az4", "usw2-az1"]}
CLUSTER_VERSION = "1.34"
REACH_S, NODES_S = 300.0, 900
IMAGES = ("puna", "puna-gradio")


class Install:
    def __init__(self, commands: Commands, place: Place, options: argparse.Namespace) -> None:
        self.commands, self.place, self.options, self.say = commands, place, options, commands.say
        self.variables = chosen_variables(place.variables(), options)
        settings = place.settings()
        self.overlay: str = options.overlay or settings.get("overlay") or ""
        self.tag: str = options.tag or settings.get("tag") or __version__
        self.ami: str = options.ami or settings.get("ami") or ""
        self.ingress_chosen: str = options.ingress or settings.get("ingress") or ""
        self.ingress = self.ingress_chosen or preflight.ingress_of(place, self.overlay)
        self.name, self.region = str(self.variables["name"]), str(self.variables["region"])
        commands.environment.update(AWS_REGION=self.region, AWS_DEFAULT_REGION=self.region)
        self.aws = Aws(commands, commands.environment.get("AWS_ENDPOINT_URL", ""))
        self.terraform = Terraform(commands, place, program(commands.environment))
        self.kubectl = Kubectl(commands, place)

    def run(self) -> None:
        report = self.look()
        preflight.show_cost(self.commands, self.variables, self.overlay)
        preflight.ask_to_go_on(self.commands, self.options.yes, f"Make {self.name} in {self.region}, account {report.account}?",
                               sys.stdin.isatty())
        if not self.commands.dry_run:
            self.place.save_variables(self.variables)
            self.place.save_settings(account=report.account, overlay=self.overlay, tag=self.tag, ami=self.ami,
                                     ingress=self.ingress_chosen)
        first, last = INSTALL_STAGES.index(self.options.first), INSTALL_STAGES.index(self.options.last)
        chosen = INSTALL_STAGES[first:last + 1]
        for number, stage in enumerate(chosen, 1):
            action: Callable[[str], None] = getattr(self, f"do_{stage}")
            self.say(f"[{number}/{len(chosen)}] {stage}: {(action.__doc__ or '').strip()}")
            began = time.monotonic()
            try:
                action(stage)
            except GroundError as error:
                again = f"./install.sh --from {stage}" if stage != "init" else "./install.sh"
                raise GroundError(f"stage {stage} failed\n{error}\nlog: {self.commands.log_of(stage)}",
                                  f"{error.advice or 'mend it'}; go on with: {again}") from error
            self.say(f"    done in {words_of(time.monotonic() - began)}")
        self.say_what_to_do()

    # Before.

    def look(self) -> preflight.Report:
        self.say(f"preflight for {self.name} in {self.region}")
        report, prices = preflight.Report(), cost.read_prices()
        preflight.tools(self.commands, report, self.terraform.binary)
        preflight.region(self.commands, report, self.region)
        preflight.overlay(self.place, report, self.overlay, prices)
        preflight.ingress(self.place, report, self.overlay, self.ingress)
        preflight.disk(self.place, report)
        if not any("aws" in one for one in report.problems):
            preflight.identity(self.aws, report, self.place.settings())
        if report.account and not report.problems:
            zones = list(self.variables.get("zones") or INF2_ZONES.get(self.region, []))
            worker = prices["overlays"].get(self.overlay, {}).get("worker") or ""
            preflight.zones(self.aws, report, zones, worker)
            preflight.quota(self.aws, report, cost.inf_vcpus(prices, self.overlay))
            preflight.kubernetes_version(self.aws, report, str(self.variables.get("cluster_version", CLUSTER_VERSION)), prices)
            if self.place.state_is_here():
                self.terraform.require_sound_state()
                preflight.lost_state(self.aws, report, Ours(self.name), self.place.has_resources())
            self.same_name_as_in_the_state(report)
        if not self.variables.get("api_cidrs"):
            report.warnings.append("the API server will be reachable from inside the VPC only: run this there, or give --api-cidr")
        report.show(self.commands)
        return report

    def same_name_as_in_the_state(self, report: preflight.Report) -> None:
        before = self.place.variables()
        for key, value in (("name", self.name), ("region", self.region)):
            if self.place.has_resources() and before.get(key, value) != value:
                report.problems.append(f"the state here is of {key} {before[key]}, not {value}: run cleanup.sh first, or use "
                                       "another checkout")

    # Stages.

    def do_init(self, stage: str) -> None:
        """Terraform's provider and state"""
        self.terraform.init(stage)

    def do_network(self, stage: str) -> None:
        """VPC, subnets, NAT, endpoints"""
        self.terraform.apply(stage, "module.network")

    def do_cluster(self, stage: str) -> None:
        """the EKS control plane, about 10 minutes"""
        self.terraform.apply(stage, "module.cluster")

    def do_rest(self, stage: str) -> None:
        """nodes, roles of the controllers, add-ons, registry"""
        self.terraform.apply(stage)

    def do_kubectl(self, stage: str) -> None:
        """access to the cluster, and nodes that are ready"""
        self.write_environment()
        done = self.commands.run(stage, *("aws", "eks", "update-kubeconfig", "--region", self.region, "--name", self.name,
                                          "--kubeconfig", str(self.place.kubeconfig)))
        if done.code != 0:
            raise AwsError("eks update-kubeconfig", done.output)
        if self.commands.dry_run:
            return
        end = time.monotonic() + REACH_S
        while words := self.kubectl.reaches():
            if re.search(r"Unauthorized|Forbidden|must be logged in", words):
                raise GroundError(f"the cluster does not let this identity in: {words}", "only who made it and admin_arns may: use "
                                  "that identity, or add yours with --var 'admin_arns=[\"ARN\"]' as one that may")
            if time.monotonic() > end:
                raise GroundError(f"the API server does not answer: {words}", "run this inside the VPC, or let your address in: "
                                  "./install.sh --api-cidr ADDRESS/32")
            self.commands.pause(5)
        self.kubectl.must(stage, "wait", "--for=condition=Ready", "node", "--all", f"--timeout={NODES_S}s")

    def do_parts(self, stage: str) -> None:
        """storage class, Karpenter, load balancer controller, KubeRay, Neuron device plugin, ingress controller"""
        outputs = self.terraform.outputs()

        def install(part: str, *patches: dict[str, Any]) -> None:
            parts.install(self.commands, self.kubectl, self.place, stage, part, list(patches))

        install("storage")
        install("karpenter", parts.replaced("ConfigMap", "karpenter-settings", {
            "/data/CLUSTER_NAME": self.name, "/data/INTERRUPTION_QUEUE": outputs.get("interruption_queue") or ""}))
        install("load-balancer", parts.replaced("ConfigMap", "load-balancer-settings", {
            "/data/CLUSTER_NAME": self.name, "/data/REGION": self.region, "/data/VPC_ID": outputs.get("vpc_id") or ""}))
        install("kuberay")
        install("neuron")
        if self.ingress == "none":
            # Also where there was one before: it costs money.
            self.kubectl.must(stage, "delete", "service", "ingress-nginx-controller", "--namespace=ingress-nginx",
                              "--ignore-not-found", "--timeout=300s")
            return
        install("ingress", parts.replaced("Service", "ingress-nginx-controller", {
            "/metadata/annotations/service.beta.kubernetes.io~1aws-load-balancer-scheme": self.ingress}))
        self.kubectl.must(stage, "wait", "service/ingress-nginx-controller", "--namespace=ingress-nginx",
                          "--for=jsonpath={.status.loadBalancer.ingress}", "--timeout=300s")

    def do_images(self, stage: str) -> None:
        """the images of the overlay are in the registry"""
        if not self.overlay or self.commands.dry_run:
            return
        self.write_environment()
        missing = []
        for image in IMAGES:
            try:
                self.aws.json("ecr", "describe-images", "--repository-name", f"{self.name}/{image}",
                              "--image-ids", f"imageTag={self.tag}")
            except AwsError as error:
                if not error.is_gone:
                    raise
                missing.append(f"{image}:{self.tag}")
        if missing:
            raise GroundError(f"{' and '.join(missing)} are not in the registry",
                              "build them (docs/docker.md) and push them: tools/push_images.sh")

    def do_overlay(self, stage: str) -> None:
        """the model's objects, with this ground's names"""
        if not self.overlay:
            self.say("    none chosen (--overlay)")
            return
        folder = self.place.own / "kustomize" / "overlay"
        base = self.place.repository / "deploy/kubernetes/overlays" / self.overlay
        outputs = self.terraform.outputs()
        images = [{"name": one, "newName": f"{outputs.get('registry', 'REGISTRY')}/{one}", "newTag": self.tag} for one in IMAGES]
        has_way_in = preflight.has_component(self.place, self.overlay, "ingress", "gateway")
        ways_in = [] if self.ingress == "none" or has_way_in else [
            self.place.repository / "deploy/kubernetes/components/ingress"]
        parts.write_kustomization(folder, base, images, [self.node_class(outputs)], ways_in)
        self.kubectl.must(stage, "apply", "--server-side", "--force-conflicts", f"--kustomize={folder}")

    def node_class(self, outputs: dict[str, Any]) -> dict[str, Any]:
        terms = [{"tags": {"karpenter.sh/discovery": self.name}}]
        return parts.replaced("EC2NodeClass", "", {
            "/spec/instanceProfile": outputs.get("node_instance_profile") or f"karpenter-{self.name}",
            "/spec/subnetSelectorTerms": terms, "/spec/securityGroupSelectorTerms": terms,
            "/spec/amiSelectorTerms": [{"alias": self.find_ami()}]})

    def find_ami(self) -> str:
        """EKS's newest image for this Kubernetes, found once: a new one would replace every machine."""
        if self.ami or self.commands.dry_run:
            return self.ami or "al2023@vYYYYMMDD"
        version = self.variables.get("cluster_version", CLUSTER_VERSION)
        path = f"/aws/service/eks/optimized-ami/{version}/amazon-linux-2023/x86_64/standard/recommended/image_id"
        image = self.aws.json("ssm", "get-parameter", "--name", path)["Parameter"]["Value"]
        names = [one.get("Name", "") for one in self.aws.json("ec2", "describe-images", "--image-ids", image)["Images"]]
        found = re.search(r"-(v\d{8})$", names[0] if names else "")
        if not found:
            raise GroundError(f"the image {image} has no date in its name ({names})", "name one: --ami al2023@vYYYYMMDD")
        self.ami = f"al2023@{found[1]}"
        self.place.save_settings(ami=self.ami)
        return self.ami

    def do_ready(self, stage: str) -> None:
        """until the model answers"""
        if self.overlay and not self.commands.dry_run:
            answer = Ready(self.commands, self.kubectl).wait(self.options.wait)
            self.say(f"    it answers: {answer[:60]}")

    # After.

    def write_environment(self) -> None:
        """What tools/push_images.sh goes by."""
        if self.commands.dry_run:
            return
        outputs = self.terraform.outputs()
        values = {"PUNA_NAME": self.name, "PUNA_REGION": self.region, "PUNA_ACCOUNT": outputs.get("account_id") or "",
                  "PUNA_REGISTRY": outputs.get("registry") or "", "PUNA_TAG": self.tag, "PUNA_OVERLAY": self.overlay}
        write_whole(self.place.environment, "".join(f"{key}={shlex.quote(str(value))}\n" for key, value in values.items()))

    def say_what_to_do(self) -> None:
        if self.commands.dry_run:
            self.say("nothing was changed")
            return
        self.say(f"""ready. Look at it:
    aws eks --region {self.region} describe-cluster --name {self.name} --query cluster.status
    aws eks --region {self.region} update-kubeconfig --name {self.name}
    kubectl get nodes""" + ("""
    kubectl get all -n llama2
    kubectl port-forward service/llama2-serve-svc 8000:8000 -n llama2""" if self.overlay else "") + ("""
    kubectl get ingress -n llama2     # its address leads to /serve/infer, /serve/v1/… and /dashboard/
""" if self.overlay and self.ingress != "none" else "\n") + """
give all of it back: ./cleanup.sh""")
