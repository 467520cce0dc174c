"""The overlay `demo` with its pods as real processes: Ray, our binary, the Gradio page, nginx as the ingress.

It is applied and removed by the commands of docs/tutorial.md.
"""

import json
import re
import threading
import time

import pytest
import tutorial
from container_setup import PROJECT
from control_plane import Lab, wait_until
from kubelet import Kubelet, real_node
from overlays import ROOT, with_components
from ray_service import INGRESS, ask, is_running, set_application, start_nginx, state, workers
from real_pods import Images, programs

QUESTION = "Where+is+my+order%3F"
CHAT = json.dumps({"max_tokens": 100,
                   "messages": [{"role": "user", "content": "Where is my order?"}]})


@pytest.fixture(scope="module")
def service(lab, tmp_path_factory):
    """RayService, Gradio page and Ingress run; asked through nginx with the Ingress' own rules."""
    images = Images(project=ROOT, path=f"{programs(ROOT, lab.folder / 'programs')}:{PROJECT}/build/release/bin",
                    variables={"PYTHONPATH": f"{PROJECT}/python", "PYTHONUNBUFFERED": "1",
                               "PUNA_CACHE": f"{PROJECT}/build/test-cache"},
                    folders={"/opt/puna/models": f"{PROJECT}/build/models"})
    kubelet = Kubelet(lab, images, real_node(cpus=16, gib=64))
    try:
        chapter = tutorial.blocks("kubernetes")
        tutorial.run_blocks([one for one in chapter if not one.is_at_the_end], lab.run_here)
        ingress = [one for one in with_components(tmp_path_factory.mktemp("demo"), "demo", "ingress")
                   if one["kind"] == "Ingress"]
        lab.apply(ingress)
        start_nginx(lab, ingress)
        yield kubelet
        tutorial.run_blocks([one for one in chapter if one.is_at_the_end], lab.run_here)
    finally:
        kubelet.close()
        lab.stop("nginx")


def replicas(lab: Lab) -> int:
    """How many answer, by the header that names each."""
    answers = [ask(lab, "/serve/health", "--include") for _ in range(8)]
    named = [re.search(r"(?im)^puna-replica: (\S+)", one) for one in answers]
    assert all(named), [one for one, name in zip(answers, named) if not name]
    return len({name[1] for name in named if name})


class Load:
    """Clients that ask all the time; what failed is kept."""

    def __init__(self, lab: Lab, clients: int) -> None:
        self.lab, self.failures, self.answers = lab, [], 0
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(clients)]

    def _ask(self) -> None:
        while not self._ended.is_set():
            status = ask(self.lab, "/serve/v1/chat/completions", "--json", CHAT, "--output", "/dev/null",
                         "--write-out", "%{http_code}")
            self.answers += 1
            if status != "200":
                self.failures.append(status)

    def __enter__(self) -> "Load":
        for one in self._threads:
            one.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for one in self._threads:
            one.join()


def test_the_rayservice_runs_and_the_seeds_addresses_answer(lab, service):
    assert state(lab)["serviceStatus"] == "Running"
    answer = ask(lab, f"/serve/infer?sentence={QUESTION}&max_tokens=20")
    assert answer.startswith('["') and len(answer) > 10, answer
    assert '"object":"list"' in ask(lab, "/serve/v1/models").replace(" ", "")
    for name, ports in (("llama2-serve-svc", {8000}), ("llama2-head-svc", {10001, 8000, 8080, 6379, 8265}),
                        ("llama2", {10001, 8000, 8080, 6379, 8265})):
        assert {one["port"] for one in lab.get("service", name)["spec"]["ports"]} == ports
        assert lab.get("endpoints", name)["subsets"], name
    status = lab.run("curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}",
                     f"{INGRESS}/dashboard/api/serve/applications/").stdout
    assert status in ("401", "403"), "the dashboard asks for its token"


def test_the_gradio_page_is_served_and_its_pod_reaches_the_model_by_name(lab, service):
    page = lab.get("service", "gradio-service", "gradio-llama2-inf2")["spec"]["clusterIP"]
    wait_until(lambda: "Llama2/3 AI Chat" in lab.run("curl", "--silent", f"http://{page}:7860/config",
                                                    check=False).stdout, 60, "the page")
    answer = lab.run("curl", "--silent",
                     "http://llama2-serve-svc.llama2.svc.cluster.local:8000/infer?sentence=Hello&max_tokens=20").stdout
    assert answer.startswith('["')


def test_a_load_step_adds_a_worker_pod_with_a_replica_and_its_end_removes_them(lab, service):
    timeline = [(0.0, len(workers(lab)))]
    began = time.monotonic()

    def count() -> int:
        number = len(workers(lab))
        if number != timeline[-1][1]:
            timeline.append((round(time.monotonic() - began, 1), number))
        return number

    assert count() == 1
    with Load(lab, 4) as load:
        wait_until(lambda: count() == 2, 60, "a second worker")
        wait_until(lambda: replicas(lab) == 2, 90, lambda: f"two replicas: {state(lab)}")
    wait_until(lambda: count() == 1, 150, "one worker again")
    (ROOT / "build/test-logs").mkdir(parents=True, exist_ok=True)
    (ROOT / "build/test-logs/workers-over-time.txt").write_text(f"{timeline}\n")
    assert load.failures == [], f"of {load.answers}"
    assert {number for _, number in timeline} == {1, 2}


def test_why_a_server_does_not_start_is_in_the_status_of_the_rayservice(lab, service):
    def message() -> str:
        return json.dumps(state(lab).get("activeServiceStatus", {}).get("applicationStatuses", {}))

    set_application(lab, args={"flags": {"no-such-flag": True}})
    wait_until(lambda: "no-such-flag" in message(), 90, message)
    set_application(lab, args={})
    wait_until(lambda: is_running(lab) and "no-such-flag" not in message(), 90, message)
    assert '"finish_reason"' in ask(lab, "/serve/v1/chat/completions", "--json", CHAT)


def head(lab: Lab) -> dict:
    found = [one for one in lab.get("pod") if one["metadata"]["labels"].get("ray.io/node-type") == "head"
             and not one["metadata"].get("deletionTimestamp")]
    return found[0] if found else {}


def head_answers(lab: Lab) -> bool:
    """Through the head's own proxy, which knows the replicas only when Ray is whole again."""
    address = head(lab).get("status", {}).get("podIP", "nowhere")
    done = lab.run("curl", "--silent", "--fail", "--max-time", "20", "--json", CHAT,
                   f"http://{address}:8000/v1/chat/completions", check=False)
    return done.returncode == 0 and '"finish_reason"' in done.stdout


def test_a_head_that_is_lost_is_replaced_and_the_service_answers_again(lab, service):
    lost = head(lab)["metadata"]["name"]
    lab.kubectl("delete", "pod", lost, "--namespace=llama2", "--force")
    wait_until(lambda: head(lab).get("metadata", {"name": lost})["name"] != lost, 60, "another head")
    wait_until(lambda: head_answers(lab), 240, lambda: f"an answer: {state(lab)}")
    wait_until(lambda: is_running(lab), 60, lambda: f"RUNNING: {state(lab)}")
    assert '"finish_reason"' in ask(lab, "/serve/v1/chat/completions", "--json", CHAT)
