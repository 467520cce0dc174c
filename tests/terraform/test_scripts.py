"""The shell scripts: shellcheck, and what they say when something is missing. Prices know every overlay."""

import os
import pathlib
import subprocess
import sys

import pytest
import yaml
from hcl_files import GROUND, ROOT
from puna.ground import cost
from puna.ground.install import CLUSTER_VERSION, INF2_ZONES
from puna.ground.preflight import REGIONS, parse_value

SHELLCHECK = pathlib.Path(sys.executable).with_name("shellcheck")
SCRIPTS = [GROUND / "install.sh", GROUND / "cleanup.sh", ROOT / "tools/push_images.sh"]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda one: one.name)
def test_shellcheck(script):
    done = subprocess.run([SHELLCHECK, script], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("script", SCRIPTS[:2], ids=lambda one: one.name)
def test_help_and_wrong_options(script):
    assert "--dry-run" in subprocess.run([script, "--help"], capture_output=True, text=True, check=True).stdout
    wrong = subprocess.run([script, "--no-such"], capture_output=True, text=True)
    assert wrong.returncode == 2 and "--no-such" in wrong.stderr


def test_without_terraform_or_tofu(tmp_path):
    place = tmp_path / "deploy/terraform"
    place.mkdir(parents=True)
    python = ROOT / "python"
    done = subprocess.run([sys.executable, "-m", "puna.ground", "install", "--terraform", str(place)], text=True,
                          capture_output=True, env={"PATH": str(tmp_path), "PYTHONPATH": str(python)})
    assert done.returncode == 1 and "tofu and terraform not found" in done.stderr and "go on: install OpenTofu" in done.stderr


def push(tmp_path, environment: str, *programs: tuple[str, str]) -> subprocess.CompletedProcess:
    (tmp_path / "puna.env").write_text(environment)
    for name, text in programs:
        (tmp_path / name).write_text(f"#!/bin/sh\necho \"{name} $*\" >> {tmp_path}/calls\n{text}\n")
        (tmp_path / name).chmod(0o755)
    return subprocess.run([SCRIPTS[2]], capture_output=True, text=True, env={
        "PATH": f"{tmp_path}:{os.environ['PATH']}", "PUNA_ENV": str(tmp_path / "puna.env")})


ENVIRONMENT = "PUNA_NAME=llama2\nPUNA_REGION=us-west-2\nPUNA_REGISTRY=1.dkr.ecr.us-west-2.amazonaws.com/llama2\nPUNA_TAG=0.1.0\n"


def test_images_are_pushed_under_the_tag_that_the_overlay_has(tmp_path):
    aws = 'case "$*" in *describe-images*) exit 254;; *) echo secret;; esac'
    done = push(tmp_path, ENVIRONMENT, ("docker", "cat > /dev/null"), ("aws", aws))
    assert done.returncode == 0, done.stderr
    calls = (tmp_path / "calls").read_text()
    for image in ("puna", "puna-gradio"):
        assert f"docker push 1.dkr.ecr.us-west-2.amazonaws.com/llama2/{image}:0.1.0" in calls
    assert "--password-stdin 1.dkr.ecr.us-west-2.amazonaws.com\n" in calls and "secret" not in calls


def test_an_image_that_is_there_is_not_pushed_again(tmp_path):
    done = push(tmp_path, ENVIRONMENT, ("docker", "cat > /dev/null"), ("aws", "exit 0"))
    assert done.returncode == 0 and "is there already" in done.stdout
    assert "docker push" not in (tmp_path / "calls").read_text()


def test_an_image_that_was_not_built(tmp_path):
    done = push(tmp_path, ENVIRONMENT, ("docker", "exit 1"), ("aws", "exit 0"))
    assert done.returncode == 1 and "no local image puna:0.1.0" in done.stderr


def test_no_registry_yet(tmp_path):
    done = push(tmp_path, "PUNA_NAME=llama2\nPUNA_REGISTRY=''\nPUNA_TAG=0.1.0\n")
    assert done.returncode == 1 and "names no registry" in done.stderr


def test_every_overlay_with_a_node_pool_has_a_price_and_fits_its_machine():
    prices = cost.read_prices()
    overlays = {one.name: (one / "kustomization.yaml").read_text() for one in (ROOT / "deploy/kubernetes/overlays").iterdir()}
    assert set(prices["overlays"]) == {name for name in overlays if not name.endswith("-gpu")}
    for name, one in prices["overlays"].items():
        for patch in yaml.safe_load(overlays[name]).get("patches", []):
            for change in yaml.safe_load(patch["patch"]):
                requests = change.get("value", {}).get("requests", {}) if isinstance(change.get("value"), dict) else {}
                if one["worker"] and "workerGroupSpecs" in change["path"] and requests:
                    machine = prices["instances"][one["worker"]]
                    assert int(requests["cpu"]) <= machine["vcpus"], name
                    assert int(requests.get("aws.amazon.com/neuron", 0)) <= machine["chips"], name


def test_the_cost_adds_up():
    prices = cost.read_prices()
    found = {one.what: one.hour for one in cost.lines(prices, {}, "llama2-13b-inf2")}
    assert found["EKS control plane"] == 0.10 and found["NAT gateways: 2, without traffic"] == 0.09
    assert found["llama2-13b-inf2, worker: inf2.48xlarge"] == pytest.approx(12.98127 + 500 * 0.08 / 730)
    assert cost.inf_vcpus(prices, "llama2-13b-inf2") == 192 and cost.inf_vcpus(prices, "llama2-13b-cpu") == 0


def test_what_install_knows_is_what_terraform_knows():
    import hcl_files
    it = hcl_files.read()
    assert next(one.body["inf2_zones"] for one in it.of("locals") if "inf2_zones" in one.body) == INF2_ZONES
    assert set(REGIONS) == set(INF2_ZONES) and it.variable("cluster_version")["default"] == CLUSTER_VERSION


def test_values_of_variables_are_json_but_versions_stay_text():
    assert [parse_value(one) for one in ("1.34", "3", "true", "[\"a\"]", "us-east-1")] == ["1.34", 3, True, ["a"], "us-east-1"]
