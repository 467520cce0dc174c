"""install.sh and cleanup.sh themselves with real tofu and aws, until the control plane: nothing answers behind EKS here."""

import re
import subprocess

import pytest
from control_plane import children, wait_until
from leftovers import leftovers
from terraform_lab import make_checkout


@pytest.fixture
def checkout(lab, tmp_path):
    lab.empty_aws()
    return make_checkout(tmp_path / "checkout")


def script(lab, checkout, name: str, *arguments: str, check: bool = True) -> str:
    done = lab.run(str(checkout / f"deploy/terraform/{name}.sh"), "--yes", *arguments, check=False, timeout_s=240)
    if check:
        assert done.returncode == 0, done.stdout + done.stderr
    else:
        assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout + done.stderr


def state(checkout):
    return checkout / "deploy/terraform/terraform.tfstate"


def start(lab, checkout, name: str, *arguments: str) -> subprocess.Popen:
    return subprocess.Popen(lab.enter(str(checkout / f"deploy/terraform/{name}.sh"), "--yes", *arguments), text=True,
                            env=lab.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def wait_for(lab, checkout, stage: str, words: str) -> None:
    log = checkout / f"deploy/terraform/.ground/logs/{stage}.log"
    wait_until(lambda: log.exists() and words in log.read_text(errors="replace"), 90, f"{words} in {log}")


def test_made_and_given_back_without_a_cluster_that_answers(lab, checkout):
    said = script(lab, checkout, "install", "--until=rest", "--overlay=llama2-13b-inf2")
    assert "[4/4] rest" in said and "about $" in said and "quota of Inf machines: 768 vCPUs, needed 192" in said
    assert "the API server will be reachable from inside the VPC only" in said
    said = script(lab, checkout, "cleanup", "--wait=10")
    assert "is not reached" in said and "nothing left" in said
    assert leftovers(lab) == []


def test_sigterm_in_a_stage_is_handed_on_and_the_next_run_finishes(lab, checkout):
    lab.tell("delay", action="CreateNodegroup", seconds=4)
    process = start(lab, checkout, "install", "--until=rest")
    wait_for(lab, checkout, "rest", "aws_eks_node_group.this[\"system\"]: Creating")
    subprocess.run(["kill", "-TERM", *map(str, children(process.pid))], check=True)
    said = process.stdout.read()
    assert process.wait(60) == 143, said
    assert "told tofu to stop" in said or "told terraform to stop" in said
    assert "run ./install.sh again" in said
    script(lab, checkout, "install", "--until=rest")
    lab.tell("delay", action="DeleteNodegroup", seconds=4)
    process = start(lab, checkout, "cleanup", "--wait=10")
    wait_for(lab, checkout, "cluster", "aws_eks_node_group.this[\"system\"]: Destroying")
    subprocess.run(["kill", "-TERM", *map(str, children(process.pid))], check=True)
    assert "run ./cleanup.sh again" in process.stdout.read() and process.wait(60) == 143
    script(lab, checkout, "cleanup", "--wait=10")
    assert leftovers(lab) == []


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
    said = script(lab, checkout, "install", "--until=rest", check=False)
    assert "is not whole" in said
    command = re.search(r"\((cp '[^']+' '[^']+')\)", said)[1]
    subprocess.run(command, shell=True, check=True)
    said = script(lab, checkout, "install", "--until=rest", check=False)
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
    said = script(lab, checkout, "install", "--until=network", check=False)
    assert "the state here does not know them" in said
    script(lab, checkout, "cleanup", "--without-state", "--wait=20")
    assert leftovers(lab) == []


def test_a_quota_that_aws_refuses_with_is_named_with_what_to_do(lab, checkout):
    lab.tell("fault", action="CreateNodegroup", code="ResourceLimitExceededException", message="You've reached your quota for m5")
    said = script(lab, checkout, "install", "--until=rest", check=False)
    assert "a quota of the AWS account is too small" in said and "--from rest" in said and "rest.log" in said
    script(lab, checkout, "install", "--from=rest", "--until=rest")


def test_expired_and_foreign_credentials(lab, checkout):
    script(lab, checkout, "install", "--until=network")
    lab.tell("fault", action="GetCallerIdentity", code="ExpiredToken", message="The security token is expired", status=403)
    assert "the AWS credentials have expired" in script(lab, checkout, "install", "--until=network", check=False)
    settings = checkout / "deploy/terraform/.ground/settings.json"
    settings.write_text(settings.read_text().replace("000000000000", "111122223333"))
    for name in ("install", "cleanup"):
        assert "is in 111122223333" in script(lab, checkout, name, check=False)


def test_credentials_that_expire_in_the_middle(lab, checkout):
    lab.tell("fault", action="CreateSubnet", code="ExpiredToken", message="The security token included in the request is expired",
             times=9)
    said = script(lab, checkout, "install", "--until=network", check=False)
    assert "the AWS credentials have expired" in said and "sign in again" in said
    lab.tell("reset")
    script(lab, checkout, "install", "--until=network")


def test_a_disk_that_gets_full_while_the_state_is_written(lab, checkout):
    """On a file system of its own that has room for nothing but the beginning."""
    place = checkout / "deploy/terraform"
    lab.run("bash", "-c", f"cp -a '{place}' '{place}.copy' && mount -t tmpfs -o size=600M tmpfs '{place}' && "
            f"cp -a '{place}.copy/.' '{place}'")
    try:
        script(lab, checkout, "install", "--until=init")
        lab.run("bash", "-c", f"fallocate -l $(( $(df --output=avail -B1 '{place}' | tail -1) - 4096 )) '{place}/filler'")
        said = script(lab, checkout, "install", "--until=network", check=False)
        assert "0 MiB are free" in said and leftovers(lab) == []
        lab.run("rm", f"{place}/filler")
        script(lab, checkout, "install", "--until=network")
    finally:
        lab.run("umount", "--lazy", str(place))
