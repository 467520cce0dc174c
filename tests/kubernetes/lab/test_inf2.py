"""The overlay `llama2-13b-inf2` with its pods as real processes: Ray, our binary and a plugin that keeps Neuron's rules.

As the overlay says it, but for the model (a small one with eight heads), the Gradio page (left out) and, where libneuronxla
would be, the reference plugin on machines of 24 virtual cores. The volume of models is shared (components/shared-models).
"""

import json
import pathlib
import re

import pytest
import yaml
from container_setup import PROJECT, inside
from control_plane import Lab, wait_until
from golden_heads import with_heads
from kubelet import Kubelet, real_node
from made_up_nodes import INF2_LABELS, NEURON_TAINTS, X86_LABELS, neuron_resources
from overlays import ROOT, with_components
from ray_service import INGRESS, ask, is_running, set_application, start_nginx, state, with_application, workers
from real_pods import Images, programs

from puna.settings import SEED_AUTOSCALING

CORES, CHIPS = 24, 12
PROGRAM = re.compile(r"program \d+ of (\d+), .*, (compiled|loaded) in")


def nodes() -> list[dict]:
    """One for the head and two of the seed's for workers."""
    pool = {"provisionerType": "Karpenter"}
    inf2 = [real_node(f"real-inf2-{number}", cpus=192, gib=768, labels=pool | INF2_LABELS, taints=NEURON_TAINTS,
                      resources=neuron_resources(CHIPS)) for number in (1, 2)]
    return [real_node("real-x86", cpus=8, gib=32, labels=pool | X86_LABELS), *inf2]


def replicas(least: int) -> list[dict]:
    """How many there are at least, said where a change leaves the replicas that run as they are."""
    scaling = SEED_AUTOSCALING | {"min_replicas": least, "max_replicas": 6}
    return [{"name": "PunaReplica", "autoscaling_config": scaling}]


@pytest.fixture(scope="module")
def service(lab, tmp_path_factory):
    model = with_heads(lab.folder / "checkpoint", 8)
    images = Images(project=ROOT, path=f"{programs(ROOT, lab.folder / 'programs')}:{PROJECT}/build/release/bin",
                    variables={"PYTHONPATH": f"{PROJECT}/python", "PYTHONUNBUFFERED": "1",
                               "MODEL_ID": inside(ROOT, model),
                               "NEURON_PJRT_PLUGIN": f"{PROJECT}/build/release/bin/libpjrt_ref.so",
                               "PUNA_REFERENCE_PLUGIN": "neuron",
                               # Ray would start a worker for each of 180 CPUs.
                               "RAY_prestart_worker_first_driver": "0", "RAY_enable_worker_prestart": "0"},
                    folders={})
    rendered = with_components(tmp_path_factory.mktemp("inf2"), "llama2-13b-inf2", "ingress", "shared-models")
    objects = [one for one in rendered if one["metadata"].get("namespace") != "gradio-llama2-inf2"
               and one["metadata"]["name"] != "gradio-llama2-inf2"]
    objects = [with_application(one, deployments=replicas(1)) if one["kind"] == "RayService" else one for one in objects]
    kubelet = Kubelet(lab, images, *nodes())
    try:
        lab.apply(objects)
        wait_until(lambda: is_running(lab), 300, lambda: f"RUNNING: {json.dumps(state(lab))}")
        start_nginx(lab, [one for one in objects if one["kind"] == "Ingress"])
        # nginx starts, and kube-proxy hears of the endpoints, a moment later.
        probe = ("curl", "--fail", "--silent", "--max-time", "5", f"{INGRESS}/serve/health")
        wait_until(lambda: lab.run(*probe, check=False).returncode == 0, 30, "the Ingress leads to it")
        yield kubelet
        lab.kubectl("delete", "--filename=-", "--ignore-not-found", "--wait=false",
                    stdin=yaml.safe_dump_all(one for one in objects if one["kind"] != "Namespace"))
        wait_until(lambda: not [*lab.get("pod"), *lab.get("raycluster")], 90, "everything is removed")
    finally:
        kubelet.close()
        lab.stop("nginx")


def served_cores(lab: Lab) -> dict[str, list[tuple[int, ...]]]:
    """By pod, the cores of each `puna serve` of the lab, as the processes themselves were told."""
    found: dict[str, list[tuple[int, ...]]] = {}
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().split(b"\0")
            words = (process / "environ").read_text().split("\0")
        except OSError:
            continue
        if len(command) < 2 or not command[0].endswith(b"/puna") or command[1] != b"serve":
            continue
        variables = dict(word.split("=", 1) for word in words if "=" in word)
        if variables.get("PUNA_DEVICE") == "neuron" and str(lab.folder.name) in variables["MODEL_ID"]:
            cores = tuple(int(core) for core in variables["NEURON_RT_VISIBLE_CORES"].split(","))
            found.setdefault(variables["HOSTNAME"], []).append(cores)
    return found


def programs_of(lab: Lab, pod: str) -> list[str]:
    """Of each program that a server of the pod has opened: "compiled" or "loaded"."""
    logs = (lab.folder / "pods" / pod / "volumes/scratch/ray").glob("session_2*/logs/worker-*.err")
    return [found[2] for log in logs for found in PROGRAM.finditer(log.read_text(errors="replace"))]


def all_cores(by_pod: dict[str, list[tuple[int, ...]]], pod: str) -> list[int]:
    return sorted(core for cores in by_pod.get(pod, []) for core in cores)


def test_the_overlay_runs_on_a_neuron_plugin_and_the_seeds_address_answers(lab, service):
    assert state(lab)["serviceStatus"] == "Running"
    answer = ask(lab, "/serve/infer?sentence=Where+is+my+order%3F&max_tokens=20&temperature=0")
    assert answer.startswith('["') and len(json.loads(answer)[0]) > 20, answer
    (worker,) = workers(lab)
    assert served_cores(lab) == {worker: [tuple(range(8))]}, "eight of 24 cores for one replica"
    assert lab.get("pod", worker)["spec"]["nodeName"].startswith("real-inf2-")


def test_three_replicas_share_the_cores_of_one_node_and_compile_nothing_more(lab, service):
    (worker,) = served_cores(lab)
    first = programs_of(lab, worker)
    assert first and set(first) == {"compiled"}
    set_application(lab, deployments=replicas(3))
    wait_until(lambda: len(served_cores(lab).get(worker, [])) == 3, 120, lambda: f"three: {served_cores(lab)}")
    assert all_cores(served_cores(lab), worker) == list(range(CORES)), "no core belongs to two"
    wait_until(lambda: len(programs_of(lab, worker)) == 3 * len(first), 120, lambda: f"{programs_of(lab, worker)}")
    assert programs_of(lab, worker).count("compiled") == len(first), "the others load what the first has compiled"


def test_a_second_pod_finds_everything_compiled_on_the_volume_of_models(lab, service):
    (worker,) = served_cores(lab)
    count = len(programs_of(lab, worker)) // 3
    set_application(lab, deployments=replicas(4))
    wait_until(lambda: len(workers(lab)) == 2, 120, "Ray asks for a second worker")
    (second,) = set(workers(lab)) - {worker}
    wait_until(lambda: len(programs_of(lab, second)) == count, 240, lambda: f"{programs_of(lab, second)}")
    assert set(programs_of(lab, second)) == {"loaded"}, "nothing is compiled"
    wait_until(lambda: is_running(lab) and len(served_cores(lab).get(second, [])) == 1, 60,
               lambda: f"{served_cores(lab)} {state(lab)}")
    assert lab.get("pod", second)["spec"]["nodeName"] != lab.get("pod", worker)["spec"]["nodeName"]
    answers = {ask(lab, "/serve/infer?sentence=Hello&max_tokens=12&temperature=0") for _ in range(8)}
    assert len(answers) == 1 and answers.pop().startswith('["'), "the same answer from every replica"
