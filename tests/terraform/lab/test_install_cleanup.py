"""install.sh and cleanup.sh themselves with real tofu and aws, until the control plane: nothing answers behind EKS here."""

import json
import re
import subprocess

import pytest
from control_plane import children, wait_until
from leftovers import leftovers
from scripts import script, start, state, stopped, wait_for
from terraform_lab import TF, make_checkout


@pytest.fixture
def checkout(lab, tmp_path):
    lab.empty_aws()
    return make_checkout(tmp_path / "checkout")


def test_made_and_given_back_without_a_cluster_that_answers(lab, checkout):
    said = script(lab, checkout, "install", "--until=rest", "--overlay=llama2-13b-inf2")
    assert "[4/4] rest" in said and "about $" in said and "quota of Inf machines: 768 vCPUs, needed 192" in said
    assert "the API server will be reachable from inside the VPC only" in said
    said = script(lab, checkout, "cleanup", "--wait=10")
    assert "is not reached" in said and "nothing left" in said
    assert leftovers(lab) == []


def test_sigterm_in_each_stage_of_the_layers_keeps_the_state_and_the_last_run_finishes(lab, checkout):
    """Each run goes further than the one before it, and is stopped in the next stage."""
    known = 0
    for stage, action, words in (("network", "CreateNatGateway", "aws_nat_gateway.this[0]: Creating"),
                                 ("cluster", "CreateCluster", "aws_eks_cluster.this: Creating"),
                                 ("rest", "CreateNodegroup", "aws_eks_node_group.this[\"system\"]: Creating")):
        lab.tell("delay", action=action, seconds=3)
        said = stopped(lab, checkout, "install", stage, words, "--until=rest")
        assert "told tofu to stop" in said or "told terraform to stop" in said
        before, known = known, len(json.loads(state(checkout).read_text())["resources"])
        assert known > before, "what was made is in the state"
    script(lab, checkout, "install", "--until=rest")
    for stage, action, words in (("cluster", "DeleteNodegroup", "aws_eks_node_group.this[\"system\"]: Destroying"),
                                 ("network", "DeleteNatGateway", "aws_nat_gateway.this[0]: Destroying"),
                                 ("proof", "ListPolicies", "")):
        lab.tell("delay", action=action, seconds=3)
        stopped(lab, checkout, "cleanup", stage, words, "--wait=10")
        before, known = known, len(json.loads(state(checkout).read_text())["resources"])
        assert known < before or stage == "proof"
    script(lab, checkout, "cleanup", "--wait=10")
    assert leftovers(lab) == []


def test_sigterm_before_anything_is_made(lab, checkout):
    """In the preflight's questions, and while the first tool is running."""
    lab.tell("delay", action="GetCallerIdentity", seconds=3)
    stopped(lab, checkout, "install", "", "", "--until=rest", begins="preflight")
    slow = checkout / "bin/tofu"
    slow.parent.mkdir()
    slow.write_text(f"#!/bin/sh\ncase \"$*\" in *init*) echo slowly; sleep 3; esac\nexec {TF} \"$@\"\n")
    slow.chmod(0o755)
    stopped(lab, checkout, "install", "init", "slowly", "--until=rest", environment={"TF": str(slow)})
    assert not state(checkout).exists() and leftovers(lab) == []


def test_sigkill_and_a_lost_state_are_recovered_by_the_words_that_are_given(lab, checkout):
    """Both ways: the copy that was kept, with --without-state for what it does not know, and no copy at all."""
    script(lab, checkout, "install", "--until=network")
    lab.tell("delay", action="CreateNodegroup", seconds=6)
    process = start(lab, checkout, "install", "--until=rest")
    wait_for(lab, checkout, "rest", "aws_eks_node_group.this[\"system\"]: Creating")
    for one in descendants(process.pid)[::-1]:
        subprocess.run(["kill", "-KILL", str(one)], check=False)
    process.stdout.close()
    process.wait(30)
    # What OpenTofu leaves when it is killed within its first seconds.
    state(checkout).write_text("")
    said = script(lab, checkout, "install", "--until=rest", code=1)
    assert "is not whole" in said
    command = re.search(r"\((cp '[^']+' '[^']+')\)", said)[1]
    subprocess.run(command, shell=True, check=True)
    said = script(lab, checkout, "install", "--until=rest", code=1)
    assert "the state was lost" in said and "./cleanup.sh --without-state" in said
    said = script(lab, checkout, "cleanup", "--without-state", "--wait=20")
    assert "remove VPC" in said and "nothing left" in said
    assert leftovers(lab) == []


def descendants(pid: int) -> list[int]:
    found = [pid]
    for one in children(pid):
        found += descendants(one)
    return found


def test_a_state_that_is_gone_is_noticed_before_anything_is_made_twice(lab, checkout):
    script(lab, checkout, "install", "--until=network")
    state(checkout).unlink()
    said = script(lab, checkout, "install", "--until=network", code=1)
    assert "the state here does not know them" in said
    script(lab, checkout, "cleanup", "--without-state", "--wait=20")
    assert leftovers(lab) == []


def test_what_is_not_ours_stays_and_is_named(lab, checkout):
    script(lab, checkout, "install", "--until=rest")
    subnets = lab.aws("ec2", "describe-subnets", "--query", "Subnets[?Tags[?Key=='kubernetes.io/role/internal-elb']].SubnetId")
    theirs = lab.aws("elbv2", "create-load-balancer", "--name", "theirs", "--type", "network", "--subnets", *subnets)
    arn = theirs["LoadBalancers"][0]["LoadBalancerArn"]
    said = script(lab, checkout, "cleanup", "--wait=2", code=1)
    assert "in the way, and not ours to remove" in said and "/theirs/" in said
    assert [one["LoadBalancerArn"] for one in lab.aws("elbv2", "describe-load-balancers")["LoadBalancers"]] == [arn]
    lab.run("aws", "elbv2", "delete-load-balancer", "--load-balancer-arn", arn)
    script(lab, checkout, "cleanup", "--wait=2")
    assert leftovers(lab) == []


def test_a_quota_that_aws_refuses_with_is_named_with_what_to_do(lab, checkout):
    lab.tell("fault", action="CreateNodegroup", code="ResourceLimitExceededException", message="You've reached your quota for m5")
    said = script(lab, checkout, "install", "--until=rest", code=1)
    assert "a quota of the AWS account is too small" in said and "--from rest" in said and "rest.log" in said
    script(lab, checkout, "install", "--from=rest", "--until=rest")


def test_expired_and_foreign_credentials(lab, checkout):
    script(lab, checkout, "install", "--until=network")
    lab.tell("fault", action="GetCallerIdentity", code="ExpiredToken", message="The security token is expired", status=403)
    assert "the AWS credentials have expired" in script(lab, checkout, "install", "--until=network", code=1)
    settings = checkout / "deploy/terraform/.ground/settings.json"
    settings.write_text(settings.read_text().replace("000000000000", "111122223333"))
    for name in ("install", "cleanup"):
        assert "is in 111122223333" in script(lab, checkout, name, code=1)


def test_credentials_that_expire_in_the_middle(lab, checkout):
    lab.tell("fault", action="CreateSubnet", code="ExpiredToken", message="The security token included in the request is expired",
             times=9)
    said = script(lab, checkout, "install", "--until=network", code=1)
    assert "the AWS credentials have expired" in said and "sign in again" in said
    lab.tell("reset")
    script(lab, checkout, "install", "--until=network")


@pytest.fixture
def small_disk(lab, checkout):
    """The checkout's Terraform folder on a file system of its own, of which the function takes all but so many bytes."""
    place = checkout / "deploy/terraform"
    lab.run("bash", "-c", f"cp -a '{place}' '{place}.copy' && mount -t tmpfs -o size=600M tmpfs '{place}' && "
            f"cp -a '{place}.copy/.' '{place}'")
    filler = place / "filler"

    def leave(count: int) -> None:
        lab.run("bash", "-c", f"fallocate -l $(( $(df --output=avail -B1 '{place}' | tail -1) - {count} )) '{filler}'" if count
                else f"rm '{filler}'")
    yield leave
    lab.run("umount", "--lazy", str(place))


def inside(lab, checkout, command: str) -> str:
    """What is below a mount of the lab is seen there only."""
    return lab.run("bash", "-c", command.replace("PLACE", str(checkout / "deploy/terraform"))).stdout


def test_a_disk_that_is_full_before_anything_begins(lab, checkout, small_disk):
    script(lab, checkout, "install", "--until=init")
    small_disk(4096)
    said = script(lab, checkout, "install", "--until=network", code=1)
    assert "0 MiB are free" in said and leftovers(lab) == []
    small_disk(0)
    script(lab, checkout, "install", "--until=network")


def test_a_disk_that_gets_full_in_the_middle_of_a_write_of_the_state(lab, checkout, small_disk):
    """The state is cut off; the words that are given lead out of it, whatever the tool could still write."""
    script(lab, checkout, "install", "--until=cluster")
    lab.tell("delay", action="CreateNodegroup", seconds=5)
    process = start(lab, checkout, "install", "--until=rest")
    wait_until(lambda: "Creating" in inside(lab, checkout, "grep aws_eks_node_group PLACE/.ground/logs/rest.log || true"), 60,
               "the node group")
    small_disk(8192)
    said = process.stdout.read()
    assert process.wait(60) == 1 and "the disk is full" in said and "make room" in said, said
    small_disk(0)
    said = script(lab, checkout, "install", "--until=rest", code=None)
    if "is not whole" in said:
        inside(lab, checkout, re.search(r"\((cp '[^']+' '[^']+')\)", said)[1])
        said = script(lab, checkout, "install", "--until=rest", code=None)
    if "ready. Look at it" not in said:
        assert "the state was lost" in said and "./cleanup.sh --without-state" in said, said
        script(lab, checkout, "cleanup", "--without-state", "--wait=20")
        script(lab, checkout, "install", "--until=rest")
    script(lab, checkout, "cleanup", "--wait=10")
    assert leftovers(lab) == []


def delete_by_hand(lab) -> None:
    lab.aws("eks", "delete-nodegroup", "--cluster-name", "llama2", "--nodegroup-name", "system")
    lab.aws("eks", "delete-cluster", "--name", "llama2")


def test_a_cluster_that_was_deleted_by_hand_is_made_again_or_given_back(lab, checkout):
    script(lab, checkout, "install", "--until=rest")
    delete_by_hand(lab)
    script(lab, checkout, "install", "--until=rest")
    assert lab.aws("eks", "describe-nodegroup", "--cluster-name", "llama2", "--nodegroup-name", "system",
                   "--query", "nodegroup.status") == "ACTIVE"
    delete_by_hand(lab)
    assert "there is no cluster (any more)" in script(lab, checkout, "cleanup", "--wait=10")
    assert leftovers(lab) == []


def sabotage(checkout, file: str, before: str, after: str):
    """In the checkout's copy; gives the function that mends it."""
    path = checkout / "python/puna/ground" / file
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))
    return lambda: path.write_text(text)


def test_the_checks_notice_a_cleanup_that_does_not_do_its_work(lab, checkout):
    """Without the sweep; without its own proof, by the second opinion; and what nobody of ours has made."""
    script(lab, checkout, "install", "--until=rest")
    subnet, vpc = lab.aws("ec2", "describe-subnets", "--query",
                          "Subnets[?Tags[?Key=='kubernetes.io/role/internal-elb']][SubnetId, VpcId] | [0]")
    lab.aws("elbv2", "create-load-balancer", "--name", "k8s-left", "--type", "network", "--subnets", subnet,
            "--tags", "Key=elbv2.k8s.aws/cluster,Value=llama2")
    lab.aws("iam", "create-role", "--role-name", "stray-of-llama2", "--assume-role-policy-document", "{}",
            "--tags", "Key=puna-ground,Value=llama2")
    lab.aws("iam", "create-role", "--role-name", "theirs", "--assume-role-policy-document", "{}")
    mend = sabotage(checkout, "cleanup.py", "stuck = self.removal.sweep(stage)", "stuck: list[str] = []")
    said = script(lab, checkout, "cleanup", "--wait=30", code=1)
    assert "stage network failed" in said and "k8s-left" in said
    mend()
    said = script(lab, checkout, "cleanup", "--wait=30", code=1)
    assert "still there:\n- IAM role stray-of-llama2" in said, said
    assert leftovers(lab) == ["list_roles stray-of-llama2", "list_roles theirs"]
    mend = sabotage(checkout, "cleanup.py", "        if left:", "        if False:")
    assert "nothing left" in script(lab, checkout, "cleanup", "--wait=30")
    assert "list_roles stray-of-llama2" in leftovers(lab), "the second opinion is not of the same words"
    mend()
    lab.aws("iam", "delete-role", "--role-name", "stray-of-llama2")
    assert "nothing left" in script(lab, checkout, "cleanup", "--wait=30")
    assert leftovers(lab) == ["list_roles theirs"]
