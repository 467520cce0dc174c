"""cleanup.sh in a made-up world: its order, what it leaves alone, and every way in which it can be cut short."""

import pytest
from puna.ground.commands import GroundError, Interrupted
from world import NAME

STRANGER = {"LoadBalancerArn": "arn:loadbalancer/theirs", "VpcId": "vpc-1", "Tags": [{"Key": "team", "Value": "other"}]}
# How many calls of a whole cleanup change something.
CALLS = 13


@pytest.fixture
def installed(world, install):
    install()
    world.calls.clear()
    return world


def test_applications_then_what_controllers_made_then_the_layers(installed, cleanup):
    cleanup()
    calls = [one.rpartition("kubeconfig ")[2] for one in installed.calls]
    order = [next(number for number, one in enumerate(calls) if part in one) for part in (
        "delete ingress", "delete rayservice", "delete namespace llama2", "delete nodepools", "destroy", "-target=module.cluster")]
    assert order == sorted(order)
    assert [one for one in calls if "destroy" in one][-1].endswith("-lock-timeout=60s"), "the network last, with all that is left"
    assert installed.left() == []
    assert len(calls) == CALLS


def test_a_second_run_finds_nothing_and_is_content(installed, cleanup):
    cleanup()
    cleanup()
    assert installed.left() == []


@pytest.mark.parametrize("number", range(CALLS))
@pytest.mark.parametrize("effect_first", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("how", ["fails_at", "stops_at"])
def test_each_call_may_fail_or_be_stopped_once_and_the_next_run_finishes(installed, cleanup, number, effect_first, how):
    setattr(installed, how, number)
    installed.effect_first = effect_first
    try:
        cleanup()
    except GroundError as error:
        assert "./cleanup.sh" in error.advice
    except Interrupted:
        assert how == "stops_at"
    setattr(installed, how, -1)
    cleanup()
    assert installed.left() == []


def test_an_unreachable_cluster_is_swept_by_tags(installed, cleanup):
    installed.reachable = False
    cleanup()
    assert installed.left() == []
    assert any("is not reached (dial tcp" in one for one in installed.said)
    assert any("remove load balancer arn:loadbalancer/1" in one for one in installed.said)
    assert any("remove instance i-1" in one for one in installed.said)
    assert any("remove volume vol-1" in one for one in installed.said)


def test_controllers_that_do_nothing_any_more_are_no_obstacle(installed, cleanup):
    installed.controllers_live = False
    cleanup()
    assert installed.left() == []


def test_a_cluster_that_was_deleted_by_hand(installed, cleanup):
    installed.things["clusters"] = []
    cleanup()
    assert installed.left() == []
    assert any("there is no cluster" in one for one in installed.said)


@pytest.mark.parametrize("layer", ["network", "cluster"])
def test_half_an_install_is_given_back_too(world, install, cleanup, layer):
    install(f"--until={layer}")
    cleanup()
    assert world.left() == []


def test_what_is_not_tagged_as_ours_is_left_alone_and_named(installed, cleanup):
    installed.things["describe-load-balancers"].append(STRANGER)
    installed.things["describe-network-interfaces"].append(
        {"NetworkInterfaceId": "eni-theirs", "VpcId": "vpc-1", "Description": "their own", "Status": "in-use"})
    with pytest.raises(GroundError) as caught:
        cleanup()
    assert "in the way, and not ours to remove" in str(caught.value)
    assert "eni-theirs: their own" in str(caught.value)
    assert STRANGER in installed.things["describe-load-balancers"]
    installed.things["describe-network-interfaces"] = []
    cleanup()
    assert [one for one in installed.left() if "theirs" not in one] == []


def test_a_balancers_group_that_the_nodes_rules_name_is_let_go(installed, cleanup):
    """The controller has let its balancer's group reach the nodes; when it is dead, nobody else takes that rule away."""
    ours = [{"Key": f"kubernetes.io/cluster/{NAME}", "Value": "owned"}]
    rule = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [],
            "UserIdGroupPairs": [{"GroupId": "sg-balancer", "UserId": "1"}, {"GroupId": "sg-other", "UserId": "1"}]}
    installed.things["describe-security-groups"] = [
        {"GroupId": "sg-balancer", "GroupName": "k8s-traffic", "Tags": [{"Key": "elbv2.k8s.aws/cluster", "Value": NAME}]},
        {"GroupId": "sg-nodes", "GroupName": "eks-cluster-sg-llama2-1", "Tags": ours, "IpPermissions": [rule], "layer": "cluster"},
        {"GroupId": "sg-theirs", "GroupName": "theirs", "IpPermissions": [rule], "Tags": []}]
    cleanup()
    revoked = [one for one in installed.calls if "revoke-security-group-ingress" in one]
    assert len(revoked) == 1 and "--group-id sg-nodes" in revoked[0]
    assert '"UserIdGroupPairs": [{"GroupId": "sg-balancer"}]' in revoked[0], "and no other pair of the rule"
    assert [one["GroupId"] for one in installed.things["describe-security-groups"]] == ["sg-theirs"]


def test_something_of_another_ground_is_not_ours(installed, cleanup):
    other = {"VpcId": "vpc-2", "Tags": [{"Key": "puna-ground", "Value": f"{NAME}-2"}]}
    machine = {"InstanceId": "i-2", "State": {"Name": "running"}, "Tags": [
        {"Key": f"kubernetes.io/cluster/{NAME}-2", "Value": "owned"}, {"Key": "karpenter.sh/nodepool", "Value": "x"}]}
    installed.things["describe-vpcs"].append(other)
    installed.things["instances"].append(machine)
    installed.reachable = False
    cleanup()
    assert installed.things["describe-vpcs"] == [other] and machine in installed.things["instances"]


def test_what_is_left_is_said_and_fails(installed, cleanup):
    installed.things["describe-volumes"].append({"VolumeId": "vol-2", "State": "available", "Size": 500,
                                                 "Tags": [{"Key": "puna-ground", "Value": NAME}]})
    installed.reachable = False
    installed.refusals["delete-volume"] = "An error occurred (OperationNotPermitted) when calling DeleteVolume: no"
    with pytest.raises(GroundError) as caught:
        cleanup()
    assert "vol-2 (500 GiB, available)" in str(caught.value)


def test_a_log_group_that_eks_writes_again_is_no_leftover(installed, cleanup):
    cleanup()
    installed.things["describe-log-groups"] = [{"logGroupName": f"/aws/eks/{NAME}/cluster"}]
    cleanup()
    assert installed.left() == []


def test_a_lost_state_is_said_and_then_everything_goes_by_its_tags(installed, cleanup):
    installed.place.state.unlink()
    with pytest.raises(GroundError) as caught:
        cleanup()
    assert "--without-state" in caught.value.advice and not installed.calls
    cleanup("--without-state")
    assert installed.left() == []
    assert not any("destroy" in one for one in installed.calls)


def test_credentials_of_another_account_touch_nothing(installed, cleanup):
    installed.account = "999988887777"
    with pytest.raises(GroundError, match="999988887777"):
        cleanup()
    assert not installed.calls


def test_another_name_needs_the_word(installed, cleanup):
    with pytest.raises(GroundError, match="the ground of this folder is llama2"):
        cleanup("--name=other")


def test_a_dry_run_changes_nothing_and_names_what_there_is(installed, cleanup):
    before = installed.left()
    cleanup("--dry-run")
    assert not installed.calls and installed.left() == before
    said = "\n".join(installed.said)
    assert "there is EKS cluster llama2" in said and "would run" in said and "there is VPC vpc-1" in said
