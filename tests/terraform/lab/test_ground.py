"""The real CLI with deploy/terraform, against doubles of provider and AWS: made, made again, removed, and every fault."""

import subprocess

from control_plane import children
from leftovers import leftovers
from provider_recipes import RECIPES
from provider_schema import ROOT, wanted_types
from terraform_lab import TF

AUTO = ("-auto-approve", "-no-color")
# Resources of the default configuration.
RESOURCES = 83
# Operations that make things, as the double's log has them: a fault for each kind.
CREATES = {"aws_ec2_tag": "CreateTags", "aws_s3_bucket": "PUT bucket"}


def said(done: subprocess.CompletedProcess) -> str:
    """Without the CLI's frames and line ends."""
    text = (done.stdout + done.stderr).replace("│", " ").replace("╷", " ").replace("╵", " ")
    return " ".join(text.split())


def test_the_configuration_is_valid_and_its_own_tests_pass(lab, checkout):
    assert lab.tf(checkout, "validate", "-no-color").returncode == 0
    done = lab.tf(checkout, "test", "-no-color", check=False)
    assert "Success! 26 passed, 0 failed." in done.stdout, done.stdout + done.stderr
    assert not lab.aws("ec2", "describe-vpcs", "--query", "Vpcs[?!IsDefault]")


def test_mistakes_are_found_by_the_real_schema(lab, checkout):
    file = checkout / "deploy/terraform/modules/network/main.tf"
    for before, after, words in (("enable_dns_support ", "enable_dns_suport ", 'argument named "enable_dns_suport" is not expected'),
                                 ('  ip_protocol       = "tcp"', "", 'argument "ip_protocol" is required'),
                                 ('resource "aws_eip"', 'resource "aws_eipp"', "aws_eipp")):
        text = file.read_text()
        file.write_text(text.replace(before, after))
        done = lab.tf(checkout, "validate", "-no-color", check=False)
        file.write_text(text)
        assert done.returncode != 0 and words in said(done)


def test_made_and_made_again_without_changes_and_removed_without_a_rest(lab, checkout):
    assert f"Resources: {RESOURCES} added, 0 changed, 0 destroyed" in lab.tf(checkout, "apply", *AUTO).stdout
    assert "0 added, 0 changed, 0 destroyed" in lab.tf(checkout, "apply", *AUTO).stdout
    assert lab.tf(checkout, "plan", "-detailed-exitcode", "-no-color").returncode == 0
    assert leftovers(lab)
    assert f"Resources: {RESOURCES} destroyed" in lab.tf(checkout, "destroy", *AUTO).stdout
    assert leftovers(lab) == []


def test_everything_that_can_be_chosen_at_once(lab, checkout):
    (checkout / "deploy/terraform/terraform.tfvars").write_text('''
name = "a-name-of-thirty-characters-12"
region = "us-east-2"
zones = ["use2-az3", "use2-az1", "use2-az2"]
nat_gateway_per_zone = false
api_cidrs = ["203.0.113.7/32"]
admin_arns = ["arn:aws:iam::000000000000:role/ops"]
models_bucket = true
accelerator_groups = { inf2-48xl = { instance_type = "inf2.48xlarge", max = 1 } }
tags = { team = "llama" }
''')
    lab.tf(checkout, "apply", *AUTO)
    assert lab.tf(checkout, "plan", "-detailed-exitcode", "-no-color").returncode == 0
    groups = lab.aws("eks", "list-nodegroups", "--cluster-name", "a-name-of-thirty-characters-12", "--region", "us-east-2")
    assert sorted(groups["nodegroups"]) == ["inf2-48xl", "system"]
    tags = lab.aws("ec2", "describe-vpcs", "--region", "us-east-2", "--query", "Vpcs[?!IsDefault].Tags[]")
    assert {"Key": "team", "Value": "llama"} in tags and {"Key": "Project", "Value": "puna"} in tags
    lab.tf(checkout, "destroy", *AUTO)


def test_every_type_has_a_recipe():
    assert {one for one in wanted_types(ROOT / "deploy/terraform") if not one.startswith("data.")} == set(RECIPES)


def action_of(kind: str) -> str:
    operation = RECIPES[kind].create.split()[0]
    return CREATES.get(kind, "".join(part.capitalize() for part in operation.split("_")))


def test_an_api_error_at_each_kind_of_resource_stops_with_its_words_and_the_next_run_goes_on(lab, checkout):
    (checkout / "deploy/terraform/terraform.tfvars").write_text('admin_arns = ["arn:aws:iam::000000000000:role/ops"]\n')
    kinds = [one for one in RECIPES if not one.startswith("aws_s3") and one != "aws_ec2_tag"]
    for one in kinds:
        lab.tell("fault", action=action_of(one), code="InvalidRequest", message=f"no {one} today")
    words, runs = "", 0
    while (done := lab.tf(checkout, "apply", *AUTO, check=False)).returncode != 0:
        words += said(done)
        runs += 1
        assert runs < 25, words[-2000:]
    assert [one for one in kinds if f"no {one} today" not in words] == []
    assert lab.tf(checkout, "plan", "-detailed-exitcode", "-no-color").returncode == 0
    lab.tf(checkout, "destroy", *AUTO)
    assert leftovers(lab) == []


def test_throttling_is_waited_out(lab, checkout):
    lab.tell("fault", action="CreateCluster", times=2, code="ThrottlingException", status=429, message="Rate exceeded")
    lab.tf(checkout, "apply", *AUTO, "-target=module.cluster")
    assert [one["status"] for one in lab.calls() if one["action"] == "CreateCluster"][-3:] == [429, 429, 200]


def test_a_value_that_aws_does_not_know_is_refused(lab, checkout):
    file = checkout / "deploy/terraform/modules/nodes/main.tf"
    file.write_text(file.read_text().replace("AL2023_x86_64_STANDARD", "AL2023_STANDARD"))
    done = lab.tf(checkout, "apply", *AUTO, check=False)
    assert done.returncode != 0 and "is not one of AL2_x86_64" in said(done)


def running_apply(lab, checkout):
    """An apply that stands at the node group until it is told something."""
    lab.tell("delay", action="CreateNodegroup", seconds=4)
    return subprocess.Popen(lab.enter(TF, f"-chdir={checkout / 'deploy/terraform'}", "apply", *AUTO), env=lab.environment,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def stand_at_node_group(process) -> int:
    for line in process.stdout:
        if "aws_eks_node_group" in line and "Creating" in line:
            return next(iter(children(process.pid)), process.pid)
    raise AssertionError("apply ended")


def test_sigterm_keeps_the_state_and_the_next_run_finishes(lab, checkout):
    process = running_apply(lab, checkout)
    stand_at_node_group(process)
    subprocess.run(["kill", "-TERM", *map(str, children(process.pid))], check=True)
    process.stdout.read()
    assert process.wait(30) != 0
    assert len(lab.tf(checkout, "state", "list").stdout.splitlines()) > 60
    lab.tf(checkout, "apply", *AUTO)
    assert lab.tf(checkout, "plan", "-detailed-exitcode", "-no-color").returncode == 0


def test_a_second_run_meanwhile_is_refused_with_the_lock(lab, checkout):
    process = running_apply(lab, checkout)
    stand_at_node_group(process)
    done = lab.tf(checkout, "apply", *AUTO, check=False)
    assert done.returncode != 0 and "Error acquiring the state lock" in said(done)
    process.stdout.read()
    assert process.wait(60) == 0


def test_what_a_controller_left_stops_the_destroy_with_its_name(lab, checkout):
    lab.tf(checkout, "apply", *AUTO, "-target=module.network")
    subnet = lab.aws("ec2", "describe-subnets", "--filters", "Name=tag:karpenter.sh/discovery,Values=llama2",
                     "--query", "Subnets[0].SubnetId")
    made = lab.aws("ec2", "create-network-interface", "--subnet-id", subnet)["NetworkInterface"]["NetworkInterfaceId"]
    done = lab.tf(checkout, "destroy", *AUTO, check=False)
    assert done.returncode != 0 and "DependencyViolation" in said(done) and made in said(done)
    lab.aws("ec2", "delete-network-interface", "--network-interface-id", made)
    lab.tf(checkout, "destroy", *AUTO)
    assert leftovers(lab) == []


def test_the_state_in_s3_is_locked_by_one_object(lab, checkout):
    lab.aws("s3api", "create-bucket", "--bucket", "states", "--create-bucket-configuration", "LocationConstraint=us-west-2")
    folder = checkout / "deploy/terraform"
    text = (folder / "backend.tf.example").read_text().replace("CHANGE-ME", "states")
    assert "use_lockfile = true" in text
    # The double has one address for all buckets.
    (folder / "backend.tf").write_text(text.replace("encrypt ", "use_path_style = true\n    encrypt "))
    lab.tf(checkout, "init", "-no-color", "-reconfigure")
    process = running_apply(lab, checkout)
    stand_at_node_group(process)
    keys = lab.aws("s3api", "list-objects-v2", "--bucket", "states", "--query", "Contents[].Key")
    assert "puna/llama2.tfstate.tflock" in keys
    done = lab.tf(checkout, "plan", "-no-color", check=False)
    assert done.returncode != 0 and "Error acquiring the state lock" in said(done)
    process.stdout.read()
    assert process.wait(60) == 0
    keys = lab.aws("s3api", "list-objects-v2", "--bucket", "states", "--query", "Contents[].Key")
    assert keys == ["puna/llama2.tfstate"]
    lab.tf(checkout, "destroy", *AUTO)
    assert not (folder / "terraform.tfstate").exists()
