"""install.sh and cleanup.sh from beginning to end: AWS a double, behind its EKS a real control plane with KubeRay."""

import json

import pytest
from control_plane import wait_until
from leftovers import leftovers
from terraform_lab import FRONT, make_checkout

OVERLAY = "llama2-13b-inf2"
OWNED = "kubernetes.io/cluster/llama2"


@pytest.fixture
def checkout(whole, tmp_path):
    whole.empty_aws()
    made = make_checkout(tmp_path / "checkout")
    yield made
    # The control plane outlives the cluster that EKS says it has deleted.
    whole.run("bash", "-c", "kubectl delete rayservice,raycluster --all -n llama2 --ignore-not-found --timeout=20s; "
              "kubectl delete namespace llama2 gradio-llama2-inf2 --ignore-not-found --timeout=60s; "
              "kubectl delete nodepools,ec2nodeclasses --all", check=False)


def script(lab, checkout, name: str, *arguments: str, code: int = 0) -> str:
    done = lab.run(str(checkout / f"deploy/terraform/{name}.sh"), "--yes", *arguments, check=False, timeout_s=400)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def kubectl(lab, checkout, *arguments: str, check: bool = True) -> str:
    """With the kubeconfig that install.sh made: the token is of `aws eks get-token`."""
    return lab.run("kubectl", f"--kubeconfig={checkout}/deploy/terraform/.ground/kubeconfig", *arguments, check=check).stdout


def push_images(lab) -> None:
    for image in ("puna", "puna-gradio"):
        lab.aws("ecr", "put-image", "--repository-name", f"llama2/{image}", "--image-tag", "0.1.0", "--image-manifest", json.dumps({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": {}, "layers": []}))


def install(lab, checkout) -> str:
    script(lab, checkout, "install", f"--overlay={OVERLAY}", "--until=rest")
    push_images(lab)
    return script(lab, checkout, "install", "--from=kubectl", "--until=overlay")


def controllers_work(lab) -> dict[str, str]:
    """What a load balancer controller, Karpenter and the CSI driver would make for this cluster, and a stranger."""
    subnets = lab.aws("ec2", "describe-subnets", "--query", "Subnets[?Tags[?Key=='kubernetes.io/role/internal-elb']]")
    vpc, subnet = subnets[0]["VpcId"], subnets[0]["SubnetId"]
    balancer = lab.aws("elbv2", "create-load-balancer", "--name", "k8s-llama2", "--type", "network", "--scheme", "internal",
                       "--subnets", *(one["SubnetId"] for one in subnets), "--tags", "Key=elbv2.k8s.aws/cluster,Value=llama2")
    lab.aws("elbv2", "create-target-group", "--name", "k8s-target", "--protocol", "TCP", "--port", "80", "--vpc-id", vpc,
            "--tags", "Key=elbv2.k8s.aws/cluster,Value=llama2")
    group = lab.aws("ec2", "create-security-group", "--group-name", "k8s-traffic", "--description", "x", "--vpc-id", vpc)["GroupId"]
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
    for name in ("karpenter", "kuberay-operator"):
        assert f"{name} " in kubectl(whole, checkout, "get", "deployments", "-n", "kube-system")
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
        said = script(whole, checkout, "cleanup", "--wait=8")
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


def test_what_is_not_ours_stays_and_is_named(whole, checkout):
    script(whole, checkout, "install", "--until=rest")
    subnets = whole.aws("ec2", "describe-subnets", "--query", "Subnets[?Tags[?Key=='kubernetes.io/role/internal-elb']].SubnetId")
    theirs = whole.aws("elbv2", "create-load-balancer", "--name", "theirs", "--type", "network", "--subnets", *subnets)
    arn = theirs["LoadBalancers"][0]["LoadBalancerArn"]
    said = script(whole, checkout, "cleanup", "--wait=2", code=1)
    assert "in the way, and not ours to remove" in said and "/theirs/" in said
    assert [one["LoadBalancerArn"] for one in whole.aws("elbv2", "describe-load-balancers")["LoadBalancers"]] == [arn]
    whole.run("aws", "elbv2", "delete-load-balancer", "--load-balancer-arn", arn)
    script(whole, checkout, "cleanup", "--wait=2")
    assert leftovers(whole) == []


def test_a_definition_that_was_changed_on_its_way_is_not_applied(whole, checkout):
    script(whole, checkout, "install", "--until=kubectl")
    parts = checkout / "parts"
    whole.run("cp", "-r", whole.environment["PUNA_PARTS"], str(parts))
    victim = next(parts.rglob("karpenter.sh_nodepools.yaml"))
    victim.write_text(victim.read_text() + "\n")
    before = whole.environment["PUNA_PARTS"]
    whole.environment["PUNA_PARTS"] = str(parts)
    try:
        assert "is not what lock.json says" in script(whole, checkout, "install", "--from=parts", "--until=parts", code=1)
    finally:
        whole.environment["PUNA_PARTS"] = before
    script(whole, checkout, "cleanup", "--wait=2")
