"""Ray in the image `puna`, started as KubeRay starts a head: a login shell that runs `ray start`, with the settings
and the Serve configuration of the overlay `demo`."""

import sys
from collections.abc import Iterator

import httpx
import pytest
import yaml
from container import ROOT, Container, wait_until
from test_server import QUESTION

sys.path[:0] = [str(ROOT / "python"), str(ROOT / "tests/kubernetes")]

from puna.dashboard import Dashboard  # noqa: E402
from render import build  # noqa: E402

TOKEN = "images-" + "0" * 32
OBJECTS = build(ROOT / "deploy/kubernetes/overlays/demo")
HEAD = ("ray start --head --block --dashboard-host=0.0.0.0 --num-cpus=2 --memory=2000000000 "
        "--object-store-memory=100000000 --metrics-export-port=8080")


@pytest.fixture(scope="module")
def head() -> Iterator[Container]:
    settings = next(one for one in OBJECTS if one["metadata"]["name"] == "llama2-settings")["data"]
    environment = settings | {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN, "HF_HOME": "/tmp/models"}
    with Container("puna", ["/bin/bash", "-lc", HEAD], environment=environment, memory="6g",
                   options=["--tmpfs", "/home/puna:rw,mode=1777", "--shm-size", "512m"]) as container:
        yield container


@pytest.fixture(scope="module")
def application(head) -> str:
    """Address of the application that the RayService deploys."""
    dashboard = Dashboard(f"http://{head.address}:8265", TOKEN)
    wait_until(lambda: bool(dashboard.alive_nodes()), 120, lambda: "\n".join(head.output()))
    service = next(one for one in OBJECTS if one["kind"] == "RayService")
    dashboard.deploy(yaml.safe_load(service["spec"]["serveConfigV2"]))
    dashboard.wait_running("llama2", 180)
    return f"http://{head.address}:8000"


def test_ray_and_the_package_are_there_in_a_login_shell(head):
    assert head.run("bash", "-lc", "ray --version").stdout.strip() == "ray, version 2.60.0"
    assert head.run("bash", "-lc", "python3 -c 'import puna.ray_serve' && puna-cluster --help").stdout


def test_a_replica_answers_through_rays_proxy(application):
    answer = httpx.post(f"{application}/v1/chat/completions", json=QUESTION, timeout=120, trust_env=False)
    assert answer.status_code == 200, answer.text
    assert answer.headers["puna-replica"]
    assert "Paris" in answer.json()["choices"][0]["message"]["content"]
    sentence = httpx.get(f"{application}/infer", params={"sentence": "Hello"}, timeout=120, trust_env=False)
    assert sentence.status_code == 200 and sentence.text


def test_what_kuberays_probes_ask_is_answered(head, application):
    """Its probes are commands that it puts into the pod: bash and wget must be there."""
    for address in ("localhost:52365/api/local_raylet_healthz", "localhost:8265/api/gcs_healthz",
                    "localhost:8000/-/healthz"):
        answer = head.run("bash", "-c", f"wget --tries 1 -T 5 -q -O- http://{address} | grep success")
        assert "success" in answer.stdout


def test_the_dashboard_wants_the_token(head, application):
    assert httpx.get(f"http://{head.address}:8265/nodes?view=summary", trust_env=False).status_code == 401
