"""The Gradio page in its image, with the command and the environment of its Kubernetes object: it asks a server in
another container, by name."""

import json
import pathlib
from collections.abc import Iterator

import httpx
import pytest
from container import Container
from test_server import environment_of, pod_of

GRADIO = pod_of("base/gradio.yaml", "gradio-deployment")
SERVER = ["puna", "serve", "--host", "0.0.0.0", "--insecure-no-auth",
          "/opt/puna/models/SmolLM2-135M-Instruct.Q4_1.gguf"]


@pytest.fixture(scope="module")
def page() -> Iterator[Container]:
    environment = environment_of(GRADIO, SERVICE_NAME="http://server:8000")
    with (Container("puna-server", SERVER, name="server", environment={"HOME": "/tmp"}) as server,
          Container("puna-gradio", GRADIO["command"], environment=environment, memory="1g") as container):
        server.wait_healthy()
        container.wait_healthy()
        yield container


def url(page: Container) -> str:
    return f"http://{page.address}:7860"


def test_the_page_is_there(page):
    reply = httpx.get(url(page), trust_env=False)
    assert reply.status_code == 200
    assert "Llama2/3 AI Chat" in reply.text


def ask(page: Container, question: str) -> str:
    """The last text of an answer, through the queue that the page itself uses."""
    config = httpx.get(f"{url(page)}/config", trust_env=False).json()
    function = next(one["id"] for one in config["dependencies"] if one["api_name"] == "reply")
    with httpx.Client(base_url=f"{url(page)}/gradio_api/queue", timeout=120, trust_env=False) as client:
        client.post("/join", json={"data": [question, None, "", 0, 40], "fn_index": function,
                                   "session_hash": "images"}).raise_for_status()
        with client.stream("GET", "/data", params={"session_hash": "images"}) as events:
            for line in events.iter_lines():
                event = json.loads(line.removeprefix("data: ")) if line else {}
                if event.get("msg") == "process_completed":
                    assert event["success"], event
                    return json.dumps(event["output"]["data"])
    raise AssertionError("the stream ended before the answer")


def test_the_page_gets_an_answer_from_the_server(page):
    answer = ask(page, "Name the capital of France.")
    print(answer)
    assert "Paris" in answer


def test_the_page_runs_without_root_and_writes_nothing_but_to_tmp(page):
    status = dict(line.split(":\t", 1) for line in page.run("cat", "/proc/1/status").stdout.splitlines())
    assert status["Uid"].split() == ["1000"] * 4 and int(status["CapBnd"], 16) == 0
    assert "Read-only file system" in page.run("touch", "/app/new", check=False).stderr


def test_a_script_mounted_over_that_of_the_image_is_what_runs(tmp_path):
    """The ConfigMap of deploy/kubernetes/base/gradio.yaml does this."""
    script = pathlib.Path(tmp_path, "gradio-app.py")
    script.write_text("import puna.gradio_app\nprint('mounted', puna.gradio_app.TITLE)\n")
    with Container("puna-gradio", GRADIO["command"], name="mounted",
                   options=["--volume", f"{script}:/app/gradio-app.py:ro"]) as container:
        assert container.wait_ended(60) == 0
        assert container.output()[0] == "mounted Llama2/3 AI Chat\n"


def test_without_a_password_the_image_lets_nobody_in_and_says_what_to_do():
    with Container("puna-gradio", name="open") as container:
        assert container.wait_ended(60) == 1
        assert "PUNA_GRADIO_AUTH" in container.output()[1]
