"""install.sh in a made-up world: what it checks, its order, and every way in which it can be cut short."""

import hashlib
import json

import pytest
from puna.ground import parts
from puna.ground.commands import GroundError, Interrupted
from world import FAILURE, OUTPUTS

# How many calls of a whole install change something; each of them is cut short below.
CALLS = 25


def finished(world) -> bool:
    return {"clusters", "nodegroups", "instances", "describe-vpcs"} <= {name for name, many in world.things.items() if many}


def test_the_order_is_network_cluster_the_rest_and_then_what_runs_in_it(world, install):
    install()
    applied = [one.partition("-lock-timeout=60s")[2].strip() for one in world.calls if " apply -input" in one]
    assert applied == ["-target=module.network", "-target=module.cluster", ""]
    kustomized = [one.rpartition("/")[2] for one in world.calls if "--kustomize" in one]
    assert kustomized == ["storage", "karpenter", "load-balancer", "kuberay", "neuron", "ingress", "overlay"]
    assert finished(world)
    assert len(world.calls) == CALLS


def test_a_second_run_changes_nothing(world, install):
    install()
    before = world.left()
    install()
    assert world.left() == before


def test_the_overlay_gets_registry_tag_and_names_from_terraforms_outputs(world, install):
    install("--tag=1.2.3")
    written = json.loads((world.place.own / "kustomize/overlay/kustomization.yaml").read_text())
    assert written["images"] == [{"name": one, "newName": f"{OUTPUTS['registry']}/{one}", "newTag": "1.2.3"}
                                 for one in ("puna", "puna-gradio")]
    patch = json.loads(written["patches"][0]["patch"])
    assert {one["path"]: one["value"] for one in patch} == {
        "/spec/instanceProfile": "karpenter-llama2", "/spec/amiSelectorTerms": [{"alias": "al2023@v20251120"}],
        "/spec/subnetSelectorTerms": [{"tags": {"karpenter.sh/discovery": "llama2"}}],
        "/spec/securityGroupSelectorTerms": [{"tags": {"karpenter.sh/discovery": "llama2"}}]}
    assert "PUNA_TAG=1.2.3\n" in world.place.environment.read_text()
    assert f"PUNA_REGISTRY={OUTPUTS['registry']}\n" in world.place.environment.read_text()


def test_the_image_of_the_machines_is_found_once_and_kept(world, install):
    install()
    world.refusals["get-parameter"] = "An error occurred (ParameterNotFound) when calling"
    install()
    assert world.place.settings()["ami"] == "al2023@v20251120"


@pytest.mark.parametrize("number", range(CALLS))
@pytest.mark.parametrize("effect_first", [False, True], ids=["before", "after"])
def test_each_call_may_fail_once_and_the_next_run_finishes(world, install, number, effect_first):
    world.fails_at, world.effect_first = number, effect_first
    with pytest.raises(GroundError) as caught:
        install()
    assert len(world.calls) == number + 1, "it stops at the first failure"
    assert "limit of made-up things" in str(caught.value)
    assert "stage" in str(caught.value) and ".log" in str(caught.value)
    assert "./install.sh" in caught.value.advice
    world.fails_at = -1
    install()
    assert finished(world)


@pytest.mark.parametrize("number", range(CALLS))
@pytest.mark.parametrize("effect_first", [False, True], ids=["before", "after"])
def test_it_may_be_stopped_at_each_call_and_the_next_run_finishes(world, install, number, effect_first):
    world.stops_at, world.effect_first = number, effect_first
    with pytest.raises(Interrupted):
        install()
    world.stops_at = -1
    install()
    assert finished(world)


def test_the_advice_names_a_stage_from_which_it_goes_on(world, install):
    world.fails_at = 2
    with pytest.raises(GroundError) as caught:
        install()
    assert "--from cluster" in caught.value.advice
    world.fails_at = -1
    install("--from", "cluster")
    assert finished(world)


@pytest.mark.parametrize("words, cause, advice", [
    (FAILURE, "quota", "Service Quotas"),
    ("Error: operation error: api error ExpiredToken: The security token included in the request is expired", "expired", "sign in"),
    ("Error: Error acquiring the state lock\nLock Info:\n  ID: 1234", "another run", "force-unlock"),
    ("Error: creating IAM Role (x): EntityAlreadyExists: Role with name x already exists.", "state was lost", "--without-state"),
    ("Error: write terraform.tfstate: no space left on device", "disk is full", "make room"),
    ("Error: ThrottlingException: Rate exceeded", "slowly", "wait"),
    ("Error: UnauthorizedOperation: You are not authorized to perform this operation", "may not", "action"),
    ("Error: InsufficientInstanceCapacity: no such machine", "free in this zone", "--zone"),
])
def test_known_causes_are_named_with_what_to_do(world, install, words, cause, advice):
    world.fails_at, world.words = 1, words
    with pytest.raises(GroundError) as caught:
        install()
    assert cause in str(caught.value) and advice in caught.value.advice


def refused(world, install, *arguments: str) -> str:
    with pytest.raises(GroundError) as caught:
        install(*arguments)
    assert not world.calls, "nothing was changed"
    return f"{caught.value} {caught.value.advice}"


def test_what_is_wrong_is_said_before_anything_is_made_and_all_at_once(world, install):
    world.versions.update(tofu="1.8.0", kubectl="1.20.4")
    words = refused(world, install, "--region=eu-west-1", "--overlay=llama3")
    for part in ("true 1.8 is too old: 1.10", "kubectl 1.20 is too old", "region eu-west-1", "no overlay llama3"):
        assert part in words


def test_a_quota_that_is_too_small_is_said_before_anything_is_made(world, install):
    world.quota = 96
    assert "may run 96 vCPUs of Inf machines, the overlay needs 192" in refused(world, install)


def test_zones_that_have_no_such_machine_or_do_not_exist(world, install):
    assert "inf2.48xlarge is offered in usw2-az1, usw2-az4" in refused(world, install, "--zone=usw2-az2", "--zone=usw2-az3")
    assert "no zones use1-az6" in refused(world, install, "--zone=use1-az6", "--zone=usw2-az4")


def test_a_kubernetes_that_eks_does_not_offer_or_wants_more_money_for(world, install):
    assert "EKS does not offer Kubernetes 1.39" in refused(world, install, "--var", "cluster_version=1.39")
    install("--var", "cluster_version=1.33")
    assert any("extended support: $0.60" in one for one in world.said)


@pytest.mark.parametrize("code, words", [("ExpiredToken", "expired"), ("InvalidClientTokenId", "does not know these")])
def test_credentials_that_are_no_good(world, install, code, words):
    world.refusals["get-caller-identity"] = f"An error occurred ({code}) when calling the GetCallerIdentity operation: no"
    assert words in refused(world, install)


def test_credentials_of_another_account(world, install):
    install("--until=network")
    world.calls.clear()
    world.account = "999988887777"
    assert "of account 999988887777, but the ground of this folder is in 111122223333" in refused(world, install)


def test_another_name_than_the_states(world, install):
    install("--until=network")
    world.calls.clear()
    assert "the state here is of name llama2, not other" in refused(world, install, "--name=other")


def test_a_lost_state_is_noticed_before_it_makes_things_twice(world, install):
    install("--until=cluster")
    world.calls.clear()
    world.place.state.unlink()
    words = refused(world, install)
    assert "VPC vpc-1" in words and "EKS cluster llama2" in words and "--without-state" in words


def test_a_state_that_is_cut_off_is_put_back_with_the_words_that_are_given(world, install):
    install("--until=cluster")
    install("--until=cluster")
    world.calls.clear()
    world.place.state.write_text(world.place.state.read_text()[:20])
    words = refused(world, install)
    copy = words.partition("(cp '")[2].partition("'")[0]
    world.place.state.write_text(open(copy).read())
    install()
    assert finished(world)


def test_copies_of_the_state_are_named_in_the_order_of_time(world):
    for number in range(30):
        world.place.state.write_text(f'{{"resources": [{number}]}}')
        world.place.keep_state()
    kept = [one.read_text() for one in sorted(world.place.states.iterdir())]
    assert kept == [f'{{"resources": [{number}]}}' for number in range(10, 30)]


def test_without_room_on_the_disk_nothing_begins(world, install, monkeypatch):
    monkeypatch.setattr(type(world.place), "free_bytes", lambda self: 1 << 20)
    assert "1 MiB are free" in refused(world, install)


def test_images_that_are_not_in_the_registry(world, install):
    world.images = False
    with pytest.raises(GroundError) as caught:
        install()
    assert "puna:0.1.0 and puna-gradio:0.1.0 are not in the registry" in str(caught.value)
    assert "tools/push_images.sh" in caught.value.advice and "--from images" in caught.value.advice


def test_a_definition_that_was_changed_on_its_way_is_not_applied(world, install, monkeypatch):
    monkeypatch.setattr("puna.ground.parts.one_file", lambda commands, part, path: b"something else")
    with pytest.raises(GroundError, match="is not what lock.json says"):
        install()
    assert not any("--filename" in one for one in world.calls)


def test_definitions_come_from_a_folder_where_there_is_no_network(world, monkeypatch, tmp_path):
    part = {"repository": "owner/name", "tag": "v1", "files": {"crds/a.yaml": hashlib.sha256(b"right").hexdigest()}}
    monkeypatch.undo()
    monkeypatch.setattr("puna.ground.parts.read_lock", lambda place: {"a": part})
    monkeypatch.setenv("PUNA_PARTS", str(tmp_path))
    file = tmp_path / "owner/name/v1/crds/a.yaml"
    with pytest.raises(GroundError, match="is not there"):
        parts.fetch(world, world.place, "a")
    file.parent.mkdir(parents=True)
    file.write_bytes(b"wrong")
    with pytest.raises(GroundError, match="is not what lock.json says"):
        parts.fetch(world, world.place, "a")
    file.write_bytes(b"right")
    assert [one.read_bytes() for one in parts.fetch(world, world.place, "a")] == [b"right"]


def test_a_dry_run_changes_nothing_and_says_every_step(world, install):
    install("--dry-run")
    assert not world.calls and not world.place.variables_file.exists() and not world.left()
    said = "\n".join(world.said)
    for part in ("apply", "-target=module.network", "update-kubeconfig", "--kustomize", "nothing was changed"):
        assert part in said


def test_without_a_terminal_it_wants_a_yes(world, monkeypatch):
    from conftest import run
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    with pytest.raises(GroundError) as caught:
        run(world, "install")
    assert "--yes" in caught.value.advice and not world.calls


def test_what_it_costs_is_said_first(world, install):
    install("--dry-run", "--var", "nat_gateway_per_zone=false")
    said = "\n".join(world.said)
    assert "NAT gateways: 1" in said and "inf2.48xlarge" in said and "/h, about $" in said


def test_variables_of_the_last_time_are_kept(world, install):
    install("--until=init", "--api-cidr=203.0.113.7/32", "--var", "cluster_version=1.34",
            "--var", 'system_size={"min": 1, "max": 2, "desired": 1}')
    install("--until=init")
    assert world.place.variables() == {"name": "llama2", "region": "us-west-2", "api_cidrs": ["203.0.113.7/32"],
                                       "cluster_version": "1.34", "system_size": {"min": 1, "max": 2, "desired": 1}}


def way_in(world) -> tuple[str, list[str], bool]:
    """(scheme of the load balancer, components added to the overlay, whether the load balancer was taken away)"""
    file = world.place.own / "kustomize/ingress/kustomization.yaml"
    patch = json.loads(json.loads(file.read_text())["patches"][0]["patch"])[0]["value"] if file.exists() else ""
    added = json.loads((world.place.own / "kustomize/overlay/kustomization.yaml").read_text())["components"]
    return patch, [one.rpartition("/")[2] for one in added], any("delete service ingress-nginx" in one for one in world.calls)


def test_the_way_in_is_inside_the_vpc_as_the_seeds_and_that_is_said(world, install):
    install()
    assert way_in(world) == ("internal", ["ingress"], False)
    assert any("may ask the model without a key" in one for one in world.said)


def test_no_way_in_where_that_is_chosen_and_it_stays_chosen(world, install):
    install("--ingress=none")
    assert way_in(world) == ("", [], True)
    install()
    assert way_in(world)[0] == ""


def test_an_overlay_for_the_internet_opens_its_load_balancer_and_brings_its_own_ingress(world, install):
    install("--overlay=llama2-13b-inf2-public")
    assert way_in(world) == ("internet-facing", [], False)
    assert not any("without a key" in one for one in world.said)


def test_a_model_without_keys_is_not_opened_to_the_internet(world, install):
    assert "overlay llama2-13b-inf2 answers without a key" in refused(world, install, "--ingress=internet-facing")


def test_the_load_balancer_controller_is_told_cluster_region_and_vpc_and_is_there_before_it_is_needed(world, install):
    install("--region=us-west-2")
    written = json.loads((world.place.own / "kustomize/load-balancer/kustomization.yaml").read_text())
    values = {one["path"]: one["value"] for one in json.loads(written["patches"][0]["patch"])}
    assert values == {"/data/CLUSTER_NAME": "llama2", "/data/REGION": "us-west-2", "/data/VPC_ID": "vpc-1"}
    order = [next(number for number, one in enumerate(world.calls) if part in one) for part in (
        "rollout status deployment/aws-load-balancer-controller", "kustomize/ingress",
        "rollout status deployment/ingress-nginx-controller --namespace=ingress-nginx", "wait service/ingress-nginx-controller",
        "kustomize/overlay")]
    assert order == sorted(order)


def test_only_one_at_a_time(world, install):
    with world.place.locked(), pytest.raises(GroundError, match="another install.sh or cleanup.sh"):
        install()
