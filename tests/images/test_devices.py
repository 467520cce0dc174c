"""The images for devices on a machine that has none: what is there is found, and what is missing is said in one line."""

import json

import pytest
from container import VERSION, podman

MODEL = "/opt/puna/models/SmolLM2-135M-Instruct.Q4_1.gguf"


def run(image: str, *command: str) -> tuple[int, str]:
    """Exit code and output of a command, in a container without network, as docs/docker.md starts it."""
    done = podman("run", "--rm", "--network", "none", "--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--env",
                  "HOME=/tmp", f"localhost/{image}:{VERSION}", *command, check=False)
    return done.returncode, done.stdout + done.stderr


def test_the_plugin_for_gpus_is_there_loads_and_says_that_there_is_no_gpu():
    code, output = run("puna-cuda", "puna", "devices", "--device", "cuda", "--json")
    (plugin,) = json.loads(output[output.index("{"):output.rindex("}") + 1])["plugins"]
    assert code == 1 and plugin["found"] and plugin["devices"] == []
    assert plugin["path"].endswith("site-packages/jax_plugins/xla_cuda13/xla_cuda_plugin.so")
    assert "opens no devices" in plugin["problem"], "it was loaded, and asked"


@pytest.mark.parametrize("image, device, words", [("puna-cuda", "cuda", "opens no devices"),
                                                  ("puna-neuron", "neuron", "install AWS's libneuronxla and neuronx-cc")])
def test_a_server_without_devices_ends_with_one_line_that_says_so(image, device, words):
    code, output = run(image, "puna", "serve", "--backend", "pjrt", "--device", device, MODEL)
    errors = [line for line in output.splitlines() if line.startswith("error: ")]
    assert code != 0 and len(errors) == 1 and words in errors[0], output


def test_the_image_for_neuron_says_what_is_to_be_added():
    code, text = run("puna-neuron", "cat", "/usr/share/doc/puna/NEURON.md")
    assert code == 0 and "libneuronxla" in text and "aws-neuronx-collectives" in text
