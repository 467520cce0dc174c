"""`puna serve` in its images, with the command and the environment of the Kubernetes object `plain`."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import yaml
from container import ROOT, Container

KEY = "sk-images"
MEMORY = 2 << 30
QUESTION = {"messages": [{"role": "user", "content": "Name the capital of France."}], "temperature": 0,
            "max_tokens": 40}


def pod_of(path: str, name: str) -> dict[str, Any]:
    """The first container of a Deployment."""
    objects = yaml.safe_load_all((ROOT / "deploy/kubernetes" / path).read_text())
    deployment = next(one for one in objects if one["kind"] == "Deployment" and one["metadata"]["name"] == name)
    return deployment["spec"]["template"]["spec"]["containers"][0]


def environment_of(pod: dict[str, Any], **secrets: str) -> dict[str, str]:
    return {one["name"]: one["value"] for one in pod["env"] if "value" in one} | secrets


def start(image: str) -> Container:
    pod = pod_of("plain/server.yaml", "llama2")
    return Container(image, pod["command"], environment=environment_of(pod, PUNA_API_KEY=KEY),
                     options=["--tmpfs", "/models:rw,mode=1777"])


def ask(server: Container, **fields: object) -> httpx.Response:
    return httpx.post(f"http://{server.address}:8000/v1/chat/completions", json={**QUESTION, **fields},
                      headers={"Authorization": f"Bearer {KEY}"}, timeout=120, trust_env=False)


@pytest.fixture(scope="module", params=["puna-server", "puna"])
def server(request) -> Iterator[Container]:
    with start(request.param) as container:
        container.wait_healthy()
        yield container


def test_it_answers_a_question_to_whoever_has_the_key(server):
    answer = ask(server)
    assert answer.status_code == 200, answer.text
    text = answer.json()["choices"][0]["message"]["content"]
    print(text)
    assert "Paris" in text
    refused = httpx.post(f"http://{server.address}:8000/v1/chat/completions", json=QUESTION, trust_env=False)
    assert refused.status_code == 401


def test_it_is_process_1_without_root_without_capabilities(server):
    status = dict(line.split(":\t", 1) for line in server.run("cat", "/proc/1/status").stdout.splitlines())
    assert status["Name"] == "puna"
    assert status["Uid"].split() == ["1000"] * 4
    assert {int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}
    assert status["NoNewPrivs"] == "1"


@pytest.mark.parametrize("path", ["/new", "/opt/puna/models/new", "/usr/local/bin/new", "/home/puna/new", "/etc/new"])
def test_nothing_can_be_written_but_in_the_mounted_folders(server, path):
    failed = server.run("touch", path, check=False)
    assert failed.returncode != 0 and "Read-only file system" in failed.stderr
    server.run("touch", "/tmp/new", "/models/new")


def test_its_memory_is_limited(server):
    assert server.inspect()["HostConfig"]["Memory"] == MEMORY
    limit = server.run("bash", "-c", "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max "
                       "2>/dev/null; true").stdout
    assert int(limit.split()[0]) == MEMORY


def test_its_log_is_on_standard_output_and_error(server):
    output, errors = server.output()
    assert output.startswith("listening on http://")
    assert "ready" in output
    assert errors.strip()


@pytest.mark.parametrize("image", ["puna-server", "puna"])
def test_sigterm_lets_a_running_answer_end_and_the_exit_code_is_0(image):
    with start(image) as server:
        server.wait_healthy()
        with httpx.stream("POST", f"http://{server.address}:8000/v1/chat/completions", timeout=120, trust_env=False,
                          headers={"Authorization": f"Bearer {KEY}"},
                          json={**QUESTION, "stream": True, "ignore_eos": True, "max_tokens": 300}) as answer:
            lines = (line.removeprefix("data: ") for line in answer.iter_lines() if line)
            first = next(lines)
            server.signal("TERM")
            rest = list(lines)
        assert "choices" in json.loads(first)
        assert rest[-1] == "[DONE]"
        assert sum("content" in line for line in rest) > 100
        assert server.wait_ended(30) == 0


def test_another_user_by_number_can_run_it_too():
    """As OpenShift gives every namespace users of its own."""
    with Container("puna-server", environment={"PUNA_API_KEY": KEY, "HOME": "/tmp"},
                   options=["--user", "123456:0"]) as server:
        server.wait_healthy()
        assert ask(server).status_code == 200


def test_without_a_key_the_image_does_not_start_and_says_what_to_do():
    with Container("puna-server") as server:
        assert server.wait_ended(60) != 0
        assert "--api-key" in "".join(server.output())


def test_the_image_alone_serves_the_demo_model_when_it_has_a_key():
    with Container("puna-server", environment={"PUNA_API_KEY": KEY}) as server:
        server.wait_healthy()
        assert ask(server).status_code == 200
