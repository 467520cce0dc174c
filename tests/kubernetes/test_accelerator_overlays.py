"""The overlays for Inferentia2 and GPUs against the real server: it takes every setting that they give, and starts.

The reference plugin lies where the packages of the real plugins put theirs; the model is small and has as many heads as
the overlay's own has, or its degree.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / one) for one in ("tests/kubernetes", "tests/golden", "python")]

from golden_heads import with_heads  # noqa: E402
from puna.settings import AUTOSCALING_ENVIRONMENT, ENVIRONMENT, parse_settings  # noqa: E402
from render import Document, build  # noqa: E402

OVERLAYS = ROOT / "deploy/kubernetes/overlays"
ACCELERATED = sorted(path.name for path in OVERLAYS.iterdir() if path.name.endswith(("-inf2", "-gpu")))
BINARY = ROOT / os.environ.get("PUNA_BINARY", "build/release/bin/puna")
PLUGIN = BINARY.parent / "libpjrt_ref.so"
FEW_PROGRAMS = {"PUNA_MAX_NUM_SEQS": "1", "PUNA_MAX_NUM_BATCHED_TOKENS": "64"}  # this is about settings


def settings_of(overlay: str) -> dict[str, str]:
    objects: list[Document] = build(OVERLAYS / overlay)
    return next(one["data"] for one in objects if one["kind"] == "ConfigMap"
                and one["metadata"]["name"] == "llama2-settings")


def run_puna(*arguments: str, **options) -> str:
    return subprocess.run([BINARY, *arguments], check=True, capture_output=True, text=True, timeout=60, **options).stdout


def installed_plugins(folder: pathlib.Path) -> pathlib.Path:
    """A folder of Python packages with the plugins of GPUs and of Neuron."""
    for place in ("jax_plugins/xla_cuda13/xla_cuda_plugin.so", "libneuronxla/libneuronpjrt.so"):
        (folder / place).parent.mkdir(parents=True)
        shutil.copy(PLUGIN, folder / place)
    return folder


@pytest.mark.parametrize("overlay", ACCELERATED)
def test_every_setting_is_one_of_the_replica_or_of_the_server(overlay):
    known = {name for names in ENVIRONMENT.values() for name in names} | set(AUTOSCALING_ENVIRONMENT.values())
    known |= set(re.findall(r"PUNA_[A-Z_]+", run_puna("serve", "--help")))
    given = {name for name in settings_of(overlay) if name.startswith("PUNA_")}
    assert {"PUNA_BACKEND", "PUNA_DEVICE"} <= given <= known


@pytest.mark.skipif(not PLUGIN.exists(), reason=f"{PLUGIN} is not built")
@pytest.mark.parametrize("overlay", ACCELERATED)
def test_the_server_starts_with_what_the_overlay_says(tmp_path, overlay):
    given = settings_of(overlay)
    settings = parse_settings({}, given)
    model = with_heads(tmp_path / "model", max(4, settings.tp_degree))
    # As Ray and the device plugins show a replica its devices.
    cores = ",".join(map(str, range(settings.neuron_cores)))
    shown = {"NEURON_RT_VISIBLE_CORES": cores, "PUNA_REFERENCE_PLUGIN": "neuron"} if cores else {}
    environment = {"PATH": "/usr/bin:/bin", **given, **shown, **FEW_PROGRAMS, "HOME": str(tmp_path),
                   "PUNA_CACHE": str(tmp_path / "cache"), "PYTHONPATH": str(installed_plugins(tmp_path / "packages"))}
    arguments = [str(model) if one == settings.model else one for one in settings.server_arguments()]
    with subprocess.Popen([BINARY, "serve", *arguments, "--port", "0", "--watch-stdin"], env=environment, text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as server:
        lines = [server.stdout.readline(), server.stdout.readline()]
        _, log = server.communicate(timeout=60)
    assert lines[1] == "ready\n", log
    profile = "neuron" if cores else "cuda"
    device_count = "device" if settings.tp_degree == 1 else f"{settings.tp_degree} devices"
    assert f", {profile}, bf16 weights" in log and device_count in log
    assert " W " not in log, "nothing is given that has no effect"
    assert list((tmp_path / "cache/executables").iterdir()), "programs are kept in PUNA_CACHE"


@pytest.mark.skipif(not PLUGIN.exists(), reason=f"{PLUGIN} is not built")
@pytest.mark.parametrize("shown, count", [({"NEURON_RT_VISIBLE_CORES": "8-15"}, 8), ({"NEURON_RT_VISIBLE_CORES": "0,3,22-23"}, 4),
                                          ({"NEURON_RT_NUM_CORES": "24"}, 24), ({"NEURON_RT_VISIBLE_CORES": "16-24"}, 0),
                                          ({"NEURON_RT_VISIBLE_CORES": "1,1"}, 0)])
def test_a_process_sees_the_cores_that_it_is_shown(shown, count):
    """The rules of Neuron's runtime, on the reference plugin's machine of 24 cores."""
    environment = {"PATH": "/usr/bin:/bin", "PUNA_REFERENCE_PLUGIN": "neuron", "NEURON_PJRT_PLUGIN": str(PLUGIN), **shown}
    listed = subprocess.run([BINARY, "devices", "--device", "neuron", "--json"], env=environment, capture_output=True)
    (plugin,) = json.loads(listed.stdout)["plugins"]
    assert len(plugin["devices"]) == count and ("problem" in plugin) == (count == 0)
