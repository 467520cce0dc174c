"""deploy/kubernetes without a cluster: rendered, judged by Kubernetes' own schemas, and held to the names,
ports and numbers of the seed system; each of the seed's own mistakes is a case.

PUNA_KUSTOMIZE=… compares the rendering with the real kustomize; PUNA_CRDS=FOLDER:FOLDER… checks the
objects of KubeRay, Karpenter and the Gateway API against their CRDs too.
"""

import json
import math
import os
import pathlib
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import kubernetes_validate
import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "python"), str(ROOT / "tests/kubernetes")]

from crd_schema import crd_problems  # noqa: E402
from puna.chat_client import Service  # noqa: E402
from puna.serve_config import check_config  # noqa: E402
from puna.settings import parse_settings  # noqa: E402
from quantity import quantity  # noqa: E402
from render import Document, build, write_kustomization  # noqa: E402

DEPLOY = ROOT / "deploy/kubernetes"
MODELS = {"7b": (32, 32, 13.48), "13b": (40, 40, 26.03), "70b": (64, 8, 137.95)}  # heads, kv heads, GB f16
# Instance: chips, virtual CPUs, GiB; what a node keeps for itself is left to Karpenter.
INF2 = {"inf2.xlarge": (1, 4, 16), "inf2.8xlarge": (1, 32, 128), "inf2.24xlarge": (6, 96, 384),
        "inf2.48xlarge": (12, 192, 768)}
OVERLAYS = sorted(path.name for path in (DEPLOY / "overlays").iterdir())
KUBERNETES_VERSION = "1.34"
CUSTOM_KINDS = {"RayService", "NodePool", "EC2NodeClass", "Gateway", "HTTPRoute", "ServiceMonitor"}


@pytest.fixture(scope="module")
def rendered() -> dict[str, list[Document]]:
    return {name: build(DEPLOY / "overlays" / name) for name in OVERLAYS}


def find(objects: list[Document], kind: str, name: str) -> Document:
    return next(one for one in objects if one["kind"] == kind and one["metadata"]["name"] == name)


def ray_cluster(objects: list[Document]) -> Document:
    return find(objects, "RayService", "llama2")["spec"]["rayClusterConfig"]


def settings_of(objects: list[Document]) -> dict[str, str]:
    return find(objects, "ConfigMap", "llama2-settings")["data"]


def pod_specs(objects: list[Document]) -> Iterator[tuple[str, Document]]:
    for one in objects:
        if one["kind"] == "Deployment":
            yield one["metadata"]["name"], one["spec"]["template"]
        elif one["kind"] == "RayService":
            cluster = one["spec"]["rayClusterConfig"]
            yield "head", cluster["headGroupSpec"]["template"]
            for group in cluster["workerGroupSpecs"]:
                yield group["groupName"], group["template"]


def test_there_is_an_overlay_for_each_model_and_hardware():
    wanted = {f"llama2-{model}-{hardware}" for model in MODELS for hardware in ("cpu", "inf2", "gpu")}
    assert set(OVERLAYS) == wanted | {"demo", "llama2-13b-inf2-public"}


def test_every_field_is_one_that_kubernetes_knows(rendered):
    everything = [one for objects in rendered.values() for one in objects] + build(DEPLOY / "plain")
    # Most objects are the same in every overlay.
    for text in sorted({json.dumps(one, sort_keys=True) for one in everything}):
        one = json.loads(text)
        if one["kind"] in CUSTOM_KINDS:
            assert crd_problems(one) == [], f"{one['kind']} {one['metadata']['name']}"
        else:
            kubernetes_validate.validate(one, KUBERNETES_VERSION, strict=True)


@pytest.mark.skipif("PUNA_KUSTOMIZE" not in os.environ, reason="PUNA_KUSTOMIZE is not set")
@pytest.mark.parametrize("name", [f"overlays/{one}" for one in OVERLAYS] + ["plain"])
def test_the_rendering_is_that_of_kustomize(name):
    text = subprocess.run([os.environ["PUNA_KUSTOMIZE"], "build", str(DEPLOY / name)], check=True,
                          capture_output=True, text=True).stdout

    def key(one: Document) -> str:
        return json.dumps(one, sort_keys=True)

    assert sorted(map(key, yaml.safe_load_all(text))) == sorted(map(key, build(DEPLOY / name)))


@pytest.mark.parametrize("name", OVERLAYS)
def test_names_and_ports_are_the_seeds(rendered, name):
    objects = rendered[name]
    find(objects, "Namespace", "llama2"), find(objects, "Namespace", "gradio-llama2-inf2")
    assert find(objects, "RayService", "llama2")["metadata"]["namespace"] == "llama2"
    service = find(objects, "Service", "llama2")
    assert {one["port"] for one in service["spec"]["ports"]} == {10001, 8000, 8080, 6379, 8265}
    gradio = {"namespace": "gradio-llama2-inf2"}
    for kind, one in (("Deployment", "gradio-deployment"), ("Service", "gradio-service"),
                      ("ConfigMap", "gradio-app-script")):
        assert gradio.items() <= find(objects, kind, one)["metadata"].items()
    assert find(objects, "Service", "gradio-service")["spec"]["ports"][0]["port"] == 7860
    head = ray_cluster(objects)["headGroupSpec"]["template"]
    assert {one["containerPort"] for one in head["spec"]["containers"][0]["ports"]} >= {
        6379, 8265, 10001, 8000, 8080}
    assert service["spec"]["selector"].items() <= head["metadata"]["labels"].items()


def test_the_seeds_cluster_has_184_cpus_and_704565270_ki(rendered):
    cluster = ray_cluster(rendered["llama2-13b-inf2"])
    pods = [cluster["headGroupSpec"]["template"], cluster["workerGroupSpecs"][0]["template"]]
    limits = [pod["spec"]["containers"][0]["resources"]["limits"] for pod in pods]
    assert sum(quantity(one["cpu"]) for one in limits) == 184
    assert math.ceil(sum(quantity(one["memory"]) for one in limits) / 1024) == 704565270
    assert limits[1]["aws.amazon.com/neuron"] == "12"


@pytest.mark.parametrize("name", OVERLAYS)
def test_what_kuberay_refuses_or_ignores_is_not_there(rendered, name):
    service = find(rendered[name], "RayService", "llama2")
    text = yaml.safe_dump(rendered[name])
    assert "schedulerName" not in text and "headService" not in text and ":latest" not in text
    assert service["spec"]["serviceUnhealthySecondThreshold"] == 900
    assert service["spec"]["deploymentUnhealthySecondThreshold"] == 300
    cluster = service["spec"]["rayClusterConfig"]
    assert cluster["enableInTreeAutoscaling"] is True
    assert cluster["authOptions"] == {"mode": "token"}
    group = cluster["workerGroupSpecs"][0]
    assert 1 <= group["minReplicas"] <= group["replicas"] < group["maxReplicas"], "it can scale out"
    for params in (cluster["headGroupSpec"]["rayStartParams"], group["rayStartParams"]):
        assert all(isinstance(value, str) for value in params.values())


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_replicas_settings_are_understood_and_fit_their_nodes(rendered, name):
    objects = rendered[name]
    check_config(yaml.safe_load(find(objects, "RayService", "llama2")["spec"]["serveConfigV2"]))
    settings = parse_settings({}, settings_of(objects))
    assert settings.model and (settings.model.startswith("/") or "Llama-2" in settings.model)
    group = ray_cluster(objects)["workerGroupSpecs"][0]
    limits = group["template"]["spec"]["containers"][0]["resources"]["limits"]
    cores = json.loads(json.loads(group["rayStartParams"]["resources"]))["neuron_cores"] \
        if "inf2" in name else 0
    fits = [quantity(limits["cpu"]) // settings.num_cpus]
    if cores:
        fits.append(cores // settings.neuron_cores)
    if settings.num_gpus:
        fits.append(int(limits["nvidia.com/gpu"]) // settings.num_gpus)
    assert min(fits) >= 1, "a replica fits a worker"
    room = min(fits) * group["maxReplicas"]
    assert settings.autoscaling["max_replicas"] <= room, "the most replicas fit the most workers"
    head = ray_cluster(objects)["headGroupSpec"]
    assert head["rayStartParams"]["num-cpus"] == "0", "no replica on the head"


@pytest.mark.parametrize("model", MODELS)
def test_a_tensor_parallel_degree_divides_the_heads_and_the_weights_fit(rendered, model):
    objects = rendered[f"llama2-{model}-inf2"]
    heads, kv_heads, weights_gb = MODELS[model]
    settings = parse_settings({}, settings_of(objects))
    degree = settings.tp_degree
    assert heads % degree == 0 and (kv_heads % degree == 0 or degree % kv_heads == 0)
    assert degree <= settings.neuron_cores
    assert weights_gb * 1.1 < 16 * degree, "weights and room for keys and values"
    group = ray_cluster(objects)["workerGroupSpecs"][0]
    limits = group["template"]["spec"]["containers"][0]["resources"]["limits"]
    chips = int(limits["aws.amazon.com/neuron"])
    assert json.loads(json.loads(group["rayStartParams"]["resources"])) == {"neuron_cores": 2 * chips}
    fitting = [one for one, (has, cpus, gib) in INF2.items() if has >= chips
               and cpus > quantity(limits["cpu"]) and gib * 2**30 > quantity(limits["memory"])]
    assert fitting and INF2[fitting[0]][0] == chips, "an instance of inf2 has room for a worker"


@pytest.mark.parametrize("name", [one for one in OVERLAYS if "gpu" not in one and one != "demo"])
def test_pods_find_their_nodes(rendered, name):
    check_pods_find_their_nodes(rendered[name])
    assert {one["spec"]["limits"]["cpu"] for one in rendered[name] if one["kind"] == "NodePool"} == {"1000"}


def check_pods_find_their_nodes(objects: list[Document]) -> None:
    for group, template in pod_specs(objects):
        wanted = template["spec"].get("nodeSelector")
        if group == "gradio-deployment":
            continue
        pools = [one for one in objects if one["kind"] == "NodePool"
                 and wanted.items() <= one["spec"]["template"]["metadata"]["labels"].items()]
        assert len(pools) == 1, f"one pool for {group}: {wanted}"
        tolerated = {one["key"] for one in template["spec"].get("tolerations", [])}
        taints = pools[0]["spec"]["template"]["spec"].get("taints", [])
        assert {one["key"] for one in taints} <= tolerated
        find(objects, "EC2NodeClass", pools[0]["spec"]["template"]["spec"]["nodeClassRef"]["name"])
        assert set(pools[0]["spec"]["limits"]) == {"cpu"}, "machines do not come without end"


@pytest.mark.parametrize("name", [*OVERLAYS, "plain"])
def test_every_pod_is_restricted_and_bounded(rendered, name):
    objects = build(DEPLOY / "plain") if name == "plain" else rendered[name]
    for one in objects:
        if one["kind"] == "Namespace":
            assert one["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    disrupted = [one["spec"]["selector"]["matchLabels"] for one in objects
                 if one["kind"] == "PodDisruptionBudget"]
    for pod, template in pod_specs(objects):
        spec = template["spec"]
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert any(labels.items() <= template["metadata"]["labels"].items() for labels in disrupted), pod
        for container in spec["containers"]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert context["readOnlyRootFilesystem"] is True
            assert {"cpu", "memory"} <= container["resources"]["limits"].keys()
            mounted = {one["name"] for one in container["volumeMounts"]}
            assert mounted <= {one["name"] for one in spec["volumes"]}
            for variable in container.get("env", []):
                secret = variable.get("valueFrom", {}).get("secretKeyRef")
                is_secret = variable["name"] in ("PUNA_API_KEY", "HF_TOKEN", "PUNA_GRADIO_AUTH")
                assert not is_secret or secret, f"{variable['name']} comes from a Secret"


def test_a_pod_that_ends_has_time_for_running_answers(rendered):
    for name in OVERLAYS:
        for pod, template in pod_specs(rendered[name]):
            if pod != "gradio-deployment":
                shutdown = parse_settings({}, settings_of(rendered[name])).shutdown_timeout_s
                assert template["spec"]["terminationGracePeriodSeconds"] > shutdown


def test_the_gradio_page_of_the_image_is_what_the_configmap_starts(rendered):
    objects = rendered["demo"]
    script = find(objects, "ConfigMap", "gradio-app-script")["data"]["gradio-app-llama2-inf2.py"]
    compile(script, "gradio-app.py", "exec")
    container = find(objects, "Deployment", "gradio-deployment")["spec"]["template"]["spec"]["containers"][0]
    environment = {one["name"]: one["value"] for one in container["env"] if "value" in one}
    service = Service.from_environment(environment)
    assert service.url == "http://llama2-serve-svc.llama2.svc.cluster.local:8000"
    assert container["resources"]["requests"] == {"cpu": "512m", "memory": "2048Mi"}
    assert container["resources"]["limits"] == {"cpu": "1", "memory": "4096Mi"}


def routes_to(objects: list[Document], port: int) -> list[str]:
    """Ingresses and routes that lead to a port of a Service."""
    return [one["metadata"]["name"] for one in objects
            if one["kind"] in ("Ingress", "HTTPRoute")
            and re.search(rf"(number|port): {port}\b", yaml.safe_dump(one["spec"]))]


def with_components(folder: pathlib.Path, *components: str) -> list[Document]:
    write_kustomization(folder, DEPLOY, "llama2-7b-cpu", *components)
    return build(folder)


@pytest.mark.parametrize("way", ["ingress", "gateway"])
def test_from_the_internet_nothing_is_reached_without_a_key_and_ray_not_at_all(tmp_path, way):
    internal = with_components(tmp_path / "internal", way)
    assert routes_to(internal, 8265) == ["llama2-dashboard"]
    assert "internet-facing" not in yaml.safe_dump(internal)
    public = with_components(tmp_path / "public", way, "public")
    assert routes_to(public, 8265) == [] and routes_to(public, 8000) != []
    assert "PUNA_INSECURE_NO_AUTH" not in yaml.safe_dump(public)
    wanted = [variable["valueFrom"]["secretKeyRef"] for _, template in pod_specs(public)
              for variable in template["spec"]["containers"][0]["env"]
              if variable["name"] in ("PUNA_API_KEY", "PUNA_GRADIO_AUTH")]
    assert len(wanted) == 4 and not any(one["optional"] for one in wanted)
    for one in [*internal, *public]:
        if one["kind"] in ("Gateway", "HTTPRoute"):
            assert crd_problems(one) == []


@pytest.mark.parametrize(("path", "arrives"), [
    ("/serve/infer", "/infer"), ("/serve", "/"), ("/serve/", "/"), ("/serve/v1/models", "/v1/models"),
    ("/served", None), ("/dashboard", "/"), ("/dashboard/api/version", "/api/version")])
def test_the_ingress_rules_lead_where_the_seeds_did_also_without_a_slash(tmp_path, path, arrives):
    found = []
    for ingress in with_components(tmp_path / "x", "ingress"):
        if ingress["kind"] == "Ingress":
            assert int(ingress["metadata"]["annotations"][
                "nginx.ingress.kubernetes.io/proxy-read-timeout"]) > 180
            target = ingress["metadata"]["annotations"]["nginx.ingress.kubernetes.io/rewrite-target"]
            for rule in ingress["spec"]["rules"][0]["http"]["paths"]:
                if match := re.match("^" + rule["path"], path):
                    found.append(target.replace("$2", match[2]))
    assert found == ([arrives] if arrives else [])


def test_every_pod_of_the_model_is_behind_a_network_policy(rendered):
    objects = rendered["demo"]
    policies = [one for one in objects if one["kind"] == "NetworkPolicy"]
    assert any(one["spec"]["podSelector"] == {} and "ingress" not in one["spec"] for one in policies)
    opened = [port["port"] for one in policies for rule in one["spec"].get("ingress", [])
              for port in rule.get("ports", []) if rule["from"][0].get("namespaceSelector") != {}]
    assert 8265 not in opened and 6379 not in opened


def test_the_grafana_dashboard_is_json_with_a_query_in_each_panel():
    objects: list[Any] = list(yaml.safe_load_all((DEPLOY / "components/monitoring/monitor.yaml").read_text()))
    dashboard = json.loads(find(objects, "ConfigMap", "llama2-grafana-dashboard")["data"]["llama2.json"])
    assert dashboard["title"] == "Puna on Ray Serve"
    assert all(panel["targets"][0]["expr"] for panel in dashboard["panels"])
