"""A server on the PJRT backend and the reference plugin: the answer tests once more, and devices that fail."""

import json
import os
import pathlib
import signal
import subprocess

import pytest

from conftest import make_client
from puna_server import BINARY, ROOT, SOON, PunaServer, wait_until
from test_chat import *  # noqa: F403: its tests run here with the server of this module
from test_completions import *  # noqa: F403
from test_streams import *  # noqa: F403

MODEL = ROOT / "tests/golden/llama/multi_head"
REFERENCE = pathlib.Path(BINARY).parent / "libpjrt_ref.so"
# XLA's for CPUs in `make test-accelerators`; faults are the reference plugin's.
PLUGIN = os.environ.get("PUNA_PJRT_PLUGIN", str(REFERENCE))
SMALL = ("--weights", "f32", "--max-num-seqs", "4", "--chat-template", "chatml", "--served-model-name", "fake")
ON_DEVICES = (*SMALL, "--max-num-batched-tokens", "64", "--executable-store", "off", "--device")
DEVICES, REFERENCE_DEVICES = (*ON_DEVICES, PLUGIN), (*ON_DEVICES, str(REFERENCE))

# They know the fake's vocabulary of bytes, in which a token is a character.
for needs_bytes in ("test_an_answer_has_the_official_shape", "test_logprobs_come_one_per_token",
                    "test_the_client_can_give_up_in_the_middle", "test_a_completion_has_the_official_shape",
                    "test_each_of_several_prompts_is_answered", "test_token_ids_are_a_prompt",
                    "test_echo_puts_the_prompt_first", "test_echo_with_logprobs_scores_the_prompt",
                    "test_a_score_of_the_prompt_is_the_score_of_the_same_answer",
                    "test_tokenize_and_detokenize_are_inverse"):
    del globals()[needs_bytes]
# They measure connections, not answers, and take as long as all others.
for many_clients in ("test_five_hundred_streams_at_once", "test_five_hundred_open_streams_leave_at_once"):
    del globals()[many_clients]


@pytest.fixture(scope="module")
def server():
    running = PunaServer(str(MODEL), *DEVICES, backend="pjrt")
    yield running
    assert running.close() == 0, running.errors


@pytest.fixture
def client(server):
    with make_client(server) as one:
        yield one


def answers(server: PunaServer) -> list[object]:
    chat = {"messages": [{"role": "user", "content": "Hello there"}], "max_tokens": 24, "temperature": 0}
    stream = server.post("/v1/chat/completions", chat | {"stream": True}).text
    deltas = [json.loads(line.removeprefix("data: "))["choices"][0]["delta"].get("content") or ""
              for line in stream.splitlines() if line.startswith("data: {")]
    long = {"prompt": list(range(3, 203)), "max_tokens": 8, "temperature": 0, "ignore_eos": True}
    return [server.post("/v1/chat/completions", chat).json()["choices"][0]["message"]["content"], "".join(deltas),
            server.post("/v1/completions", long).json()["choices"][0]["text"],
            server.get("/infer", params={"sentence": "Hello there", "max_tokens": "10", "temperature": "0"}).text]


def scores(server: PunaServer) -> list[float]:
    asked = {"prompt": [5, 77, 130, 44, 201, 9], "max_tokens": 2, "temperature": 0, "echo": True, "logprobs": 0}
    return server.post("/v1/completions", asked).json()["choices"][0]["logprobs"]["token_logprobs"][1:]


@pytest.mark.parametrize("rules, degree", [("xla", 2), ("neuron", 1), ("neuron", 4)])
def test_answers_are_those_of_the_processor(server, start_server, rules, degree):
    processor = start_server(str(MODEL), *SMALL, "--packed-weights", "off", backend="cpu")
    flags = DEVICES if rules == "xla" else REFERENCE_DEVICES
    devices = start_server(str(MODEL), *flags, "--tp-degree", str(degree), backend="pjrt",
                           variables={"PUNA_REFERENCE_PLUGIN": rules})
    expected = answers(processor)
    assert len(set(expected)) >= 3 and all(expected)
    assert answers(devices) == expected
    assert answers(server) == expected
    assert scores(devices) == pytest.approx(scores(processor), abs=1e-3)


@pytest.mark.parametrize("rules", ["xla", "neuron"])
def test_a_lost_device_is_not_healthy_and_ends_its_requests(start_server, rules):
    server = start_server(str(MODEL), *REFERENCE_DEVICES, "--pjrt-option", "lose_at_run=20", backend="pjrt",
                          variables={"PUNA_REFERENCE_PLUGIN": rules})
    assert server.get("/ready").status_code == 200
    chat = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 40, "ignore_eos": True}
    reply = server.post("/v1/chat/completions", chat)
    assert reply.status_code in (500, 503) and "an accelerator failed in a step" in reply.text
    for path in ("/health", "/ready"):
        lost = server.get(path)
        assert lost.status_code == 503 and "an accelerator failed in a step" in lost.text
        assert "libpjrt" not in lost.text, "no client is told where files lie"
    assert server.post("/v1/chat/completions", chat).status_code == 503
    assert any("the device does not answer" in line for line in server.errors), "the log has the plugin's words"


def puna(*arguments: str) -> tuple[int, str]:
    ran = subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=60)
    return ran.returncode, ran.stdout or ran.stderr


def test_devices_lists_what_a_plugin_has():
    devices = ("devices", "--device", str(PLUGIN), "--pjrt-option", "cpu_device_count=3", "--pjrt-option",
               "memory_bytes=5000000000")
    code, listed = puna(*devices, "--json")
    plugin, = json.loads(listed)["plugins"]
    assert code == 0 and plugin["path"] == str(PLUGIN) and plugin["api_version"] == "0.115", listed
    assert [one["memory_bytes"] for one in plugin["devices"]] == [5_000_000_000] * 3
    code, words = puna(*devices)
    assert code == 0 and str(PLUGIN) in words and "5.0 GB" in words
    code, words = puna("devices", "--device", str(pathlib.Path(BINARY).parent / "no_plugin.so"))
    assert code == 1 and "no_plugin.so" in words


def test_bench_measures_devices():
    code, said = puna("bench", str(MODEL), "--backend", "pjrt", "--device", str(PLUGIN), "--executable-store", "off",
                      "--tp-degree", "2", "--prefill", "8", "--decode", "1", "--batch", "1,2", "--depth", "0,70", "--rounds", "1",
                      "--json")
    assert code == 0, said
    report = json.loads(said)
    assert report["backend"] == "pjrt" and report["weights"] == "bf16" and "libpjrt_ref" in report["machine"]["isa"]
    assert [(one["test"], one["batch"], one["depth"]) for one in report["results"]] == [
        ("prefill", 1, 0), ("decode", 1, 0), ("decode", 2, 0), ("decode", 1, 70), ("decode", 2, 70)]
    assert all(one["tokens_per_second"] > 0 and one["share_of_limit"] > 0 for one in report["results"])
    assert report["read_bandwidth_bytes_per_second"] > 0 and report["bf16_operations_per_second"] > 0
    code, said = puna("bench", str(MODEL), "--device", str(PLUGIN))
    assert code != 0 and "--device has no effect with --backend cpu" in said


def test_a_compiler_that_never_ends_is_named_and_can_be_ended(start_server):
    server = start_server(str(MODEL), *REFERENCE_DEVICES, "--pjrt-option", "hang_in_compile=1", backend="pjrt",
                          wait_ready=False)
    wait_until(lambda: "compiling program 1 of" in server.get("/ready").text, SOON, "the start says what it does")
    assert server.get("/ready").status_code == 503
    assert server.get("/health").status_code == 200
    server.process.send_signal(signal.SIGTERM)
    assert server.wait(SOON) == 0
