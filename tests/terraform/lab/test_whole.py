"""install.sh and cleanup.sh from beginning to end: AWS a double, behind its EKS a real control plane with KubeRay."""

import contextlib
import json

import pytest
import yaml
from container_setup import PROJECT
from control_plane import wait_until
from kubelet import Kubelet, real_node
from leftovers import leftovers
from load_balancers import LoadBalancers, cluster_group
from real_pods import Images, programs
from scripts import script, stopped
from terraform_lab import FRONT, ROOT, lock_stand_ins, make_checkout

OVERLAY = "llama2-13b-inf2"
OWNED = "kubernetes.io/cluster/llama2"


@pytest.fixture
def checkout(whole, tmp_path):
    whole.empty_aws()
    made = make_checkout(tmp_path / "checkout")
    lock_stand_ins(made, whole.stand_ins)
    with LoadBalancers(whole):
        yield made
    # The control plane outlives the cluster that EKS says it has deleted.
    whole.run("bash", "-c", "kubectl delete rayservice,raycluster --all -n llama2 --ignore-not-found --timeout=20s; "
              "kubectl delete namespace llama2 gradio-llama2-inf2 ingress-nginx --ignore-not-found --timeout=60s; "
              "kubectl delete nodepools,ec2nodeclasses --all", check=False)


def kubectl(lab, checkout, *arguments: str, check: bool = True) -> str:
    """With the kubeconfig that install.sh made: the token is of `aws eks get-token`."""
    return lab.run("kubectl", f"--kubeconfig={checkout}/deploy/terraform/.ground/kubeconfig", *arguments, check=check).stdout


def push_images(lab) -> None:
    for image in ("puna", "puna-gradio"):
        lab.aws("ecr", "put-image", "--repository-name", f"llama2/{image}", "--image-tag", "0.1.0", "--image-manifest", json.dumps({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": {}, "layers": []}))


def install(lab, checkout) -> str:
    """Stopped in every stage that needs a cluster; the run after it finishes what was begun."""
    script(lab, checkout, "install", f"--overlay={OVERLAY}", "--until=rest")
    lab.tell("delay", action="DescribeCluster", seconds=2)
    stopped(lab, checkout, "install", "kubectl", "update-kubeconfig", "--from=kubectl")
    stopped(lab, checkout, "install", "parts", "rollout status deployment/karpenter", "--from=kubectl")
    push_images(lab)
    lab.tell("delay", action="DescribeImages", seconds=2)
    stopped(lab, checkout, "install", "images", "", "--from=parts")
    stopped(lab, checkout, "install", "overlay", "", "--from=images")
    # Pods of kwok serve nothing.
    assert "Ray Serve says" in stopped(lab, checkout, "install", "ready", "", "--from=overlay", after="Ray Serve says")
    return script(lab, checkout, "install", "--from=kubectl", "--until=overlay")


def controllers_work(lab) -> dict[str, str]:
    """What a load balancer controller that has died, Karpenter and the CSI driver would have made for this cluster."""
    subnets = lab.aws("ec2", "describe-subnets", "--query", "Subnets[?Tags[?Key=='kubernetes.io/role/internal-elb']]")
    vpc, subnet = subnets[0]["VpcId"], subnets[0]["SubnetId"]
    balancer = lab.aws("elbv2", "create-load-balancer", "--name", "k8s-llama2", "--type", "network", "--scheme", "internal",
                       "--subnets", *(one["SubnetId"] for one in subnets), "--tags", "Key=elbv2.k8s.aws/cluster,Value=llama2")
    lab.aws("elbv2", "create-target-group", "--name", "k8s-target", "--protocol", "TCP", "--port", "80", "--vpc-id", vpc,
            "--tags", "Key=elbv2.k8s.aws/cluster,Value=llama2")
    group = lab.aws("ec2", "create-security-group", "--group-name", "k8s-left", "--description", "x", "--vpc-id", vpc)["GroupId"]
    lab.aws("ec2", "authorize-security-group-ingress", "--group-id", cluster_group(lab), "--ip-permissions", json.dumps(
        [{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "UserIdGroupPairs": [{"GroupId": group}]}]))
    lab.run("aws", "ec2", "create-tags", "--resources", group, "--tags", "Key=elbv2.k8s.aws/cluster,Value=llama2")
    template = lab.aws("ec2", "create-launch-template", "--launch-template-name", "karpenter.k8s.aws/1",
                       "--launch-template-data", "{}")
    machine = lab.aws("ec2", "run-instances", "--image-id", "ami-1", "--instance-type", "inf2.48xlarge", "--subnet-id", subnet)
    # MiniStack keeps a machine's own disk, which goes with it in AWS.
    for one in lab.aws("ec2", "describe-volumes", "--query", "Volumes[].VolumeId"):
        lab.run("aws", "ec2", "detach-volume", "--volume-id", one, check=False)
        lab.run("aws", "ec2", "delete-volume", "--volume-id", one)
    volume = lab.aws("ec2", "create-volume", "--availability-zone", "us-west-2a", "--size", "60")["VolumeId"]
    interface = lab.aws("ec2", "create-network-interface", "--subnet-id", subnet, "--description", "aws-K8S-i-1")
    made = {"volume": volume, "machine": machine["Instances"][0]["InstanceId"],
            "template": template["LaunchTemplate"]["LaunchTemplateId"],
            "interface": interface["NetworkInterface"]["NetworkInterfaceId"]}
    for one in made.values():
        lab.run("aws", "ec2", "create-tags", "--resources", one, "--tags", f"Key={OWNED},Value=owned",
                *(["Key=karpenter.sh/nodepool,Value=inferentia-inf2"] if one in (made["machine"], made["template"]) else []))
    return {**made, "group": group, "balancer": balancer["LoadBalancers"][0]["LoadBalancerArn"]}


def test_made_used_and_given_back(whole, checkout):
    said = install(whole, checkout)
    assert "[5/5] overlay" in said or "[4/4] overlay" in said
    # The page's own commands.
    assert whole.aws("eks", "describe-cluster", "--name", "llama2", "--query", "cluster.status") == "ACTIVE"
    assert "system:masters" in whole.run("curl", "-s", f"http://127.0.0.1:{FRONT}/_double/tokenreview", "-d", json.dumps(
        {"spec": {"token": "k8s-aws-v1.x"}})).stdout
    assert kubectl(whole, checkout, "get", "nodes").splitlines()[0].split() == ["NAME", "STATUS", "ROLES", "AGE", "VERSION"]
    assert "ground-admin" in kubectl(whole, checkout, "auth", "whoami")
    wait_until(lambda: "184" in kubectl(whole, checkout, "get", "raycluster", "-n", "llama2"), 60, "KubeRay's cluster")
    columns = kubectl(whole, checkout, "get", "raycluster", "-n", "llama2").splitlines()
    assert columns[0].split()[:2] == ["NAME", "DESIRED"] and "704565270Ki" in columns[1]
    whole_list = kubectl(whole, checkout, "get", "all", "-n", "llama2")
    assert "service/llama2 " in whole_list and "rayservice.ray.io/llama2" in whole_list
    for name in ("aws-load-balancer-controller", "karpenter", "kuberay-operator"):
        assert f"{name} " in kubectl(whole, checkout, "get", "deployments", "-n", "kube-system")
    ways_in = kubectl(whole, checkout, "get", "service", "-n", "ingress-nginx", "ingress-nginx-controller").splitlines()[1].split()
    balancer = whole.aws("elbv2", "describe-load-balancers", "--query", "LoadBalancers[0]")
    assert ways_in[1:4:2] == ["LoadBalancer", balancer["DNSName"]] and balancer["Scheme"] == "internal"
    assert "nginx " in kubectl(whole, checkout, "get", "ingress", "llama2", "-n", "llama2")
    assert "gp3 (default)" in kubectl(whole, checkout, "get", "storageclass")
    image = "jsonpath={.spec.rayClusterConfig.headGroupSpec.template.spec.containers[0].image}"
    assert kubectl(whole, checkout, "get", "rayservice", "llama2", "-n", "llama2", "-o", image).endswith("/llama2/puna:0.1.0")
    node_class = json.loads(kubectl(whole, checkout, "get", "ec2nodeclass", "inferentia-inf2", "-o", "json"))["spec"]
    assert node_class["instanceProfile"] == "karpenter-llama2" and node_class["amiSelectorTerms"] == [{"alias": "al2023@v20251120"}]
    # Again changes nothing.
    script(whole, checkout, "install", f"--overlay={OVERLAY}", "--until=overlay")
    made = controllers_work(whole)
    # A service whose controller is not there to take its finalizer off: the stuck case.
    kubectl(whole, checkout, "create", "service", "loadbalancer", "stuck", "--tcp=80:80", "-n", "llama2")
    kubectl(whole, checkout, "patch", "service", "stuck", "-n", "llama2", "--type=merge",
            "--patch={\"metadata\":{\"finalizers\":[\"service.k8s.aws/resources\"]}}")
    try:
        stopped(whole, checkout, "cleanup", "applications", "delete ingress", "--wait=8")
        whole.tell("delay", action="TerminateInstances", seconds=3)
        said = stopped(whole, checkout, "cleanup", "controllers", "terminate-instances", "--wait=8")
        said += script(whole, checkout, "cleanup", "--wait=8")
    finally:
        whole.run("kubectl", "patch", "service", "stuck", "-n", "llama2", "--type=merge",
                  "--patch={\"metadata\":{\"finalizers\":null}}", check=False)
    assert "not gone after 8 s, going on without" in said and "nothing left" in said
    for one in made.values():
        assert f"{one}" in said
    assert leftovers(whole) == []
    wait_until(lambda: not whole.get("rayservice", "llama2") and not whole.get("nodepools", namespace="default"), 60,
               "objects are gone in the cluster too")
    # And once more, with nothing there.
    assert "there is no cluster (any more)" in script(whole, checkout, "cleanup", "--wait=8")


@pytest.fixture
def pods(whole):
    """A node whose pods are real processes: opens when the parts have their made-up ones."""
    images = Images(project=ROOT, path=f"{programs(ROOT, whole.folder / 'programs')}:{PROJECT}/build/release/bin",
                    variables={"PYTHONPATH": f"{PROJECT}/python", "PYTHONUNBUFFERED": "1",
                               "PUNA_CACHE": f"{PROJECT}/build/test-cache"},
                    folders={"/opt/puna/models": f"{PROJECT}/build/models"})
    with contextlib.ExitStack() as stack:
        def open_node() -> None:
            stack.callback(Kubelet(whole, images, real_node(cpus=16, gib=64)).close)
        yield open_node


def test_it_is_ready_when_the_model_has_answered(whole, checkout, pods):
    """Ray, the server and the demo's model as real processes: what Ray Serve says, the answer, and a start that fails."""
    script(whole, checkout, "install", "--overlay=demo", "--until=rest")
    push_images(whole)
    script(whole, checkout, "install", "--from=kubectl", "--until=parts")
    pods()
    said = script(whole, checkout, "install", "--from=images", "--wait=300")
    assert "Ray Serve says" in said and "it answers: " in said
    config = yaml.safe_load(whole.get("rayservice", "llama2")["spec"]["serveConfigV2"])
    config["applications"][0]["args"] = {"flags": {"no-such-flag": True}}
    whole.kubectl("patch", "rayservice", "llama2", "--namespace=llama2", "--type=merge",
                  f"--patch={json.dumps({'spec': {'serveConfigV2': yaml.safe_dump(config)}})}")
    wait_until(lambda: "DEPLOY_FAILED" in json.dumps(whole.get("rayservice", "llama2")["status"]), 120, "what Ray Serve says")
    said = script(whole, checkout, "install", "--from=ready", "--wait=300", code=1)
    assert "could not start the model" in said and "no-such-flag" in said, said
    script(whole, checkout, "cleanup", "--wait=30")
    assert leftovers(whole) == []
