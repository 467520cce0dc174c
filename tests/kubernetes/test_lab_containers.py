"""The lab's containers without a lab: wherever the checkout lies, and when they cannot start."""

import os
import pathlib
import shutil
import subprocess
import sys
import threading

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / one) for one in ("tests/kubernetes/lab", "tests/kubernetes")]

from container_setup import PROJECT, container_command, inside  # noqa: E402
from control_plane import Lab, LabError  # noqa: E402
from nginx_ingress import nginx_config  # noqa: E402
from real_pods import ENDS_MAX, Ends  # noqa: E402

NAMESPACE = ["unshare", "--map-root-user", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]
# Where a person may keep a clone; each is hidden by something that a container mounts.
PLACES = ["/tmp", "/dev/shm", "/mnt", "/tmp/deep/er"]


def make_project(place: str) -> pathlib.Path:
    """A checkout with a space in its path, as far as a container looks at it."""
    project = pathlib.Path(place) / f"puna lab {os.getpid()}"
    for folder in ("src", "build/kubernetes-lab/account", "build/kubernetes-lab/volume", "build/kubernetes-lab/config"):
        (project / folder).mkdir(parents=True)
    (project / "src/layers.txt").write_text("base:\n")
    (project / "build/kubernetes-lab/account/token").write_text("secret")
    (project / "build/kubernetes-lab/config/script.sh").write_text("echo from a ConfigMap")
    # As pip writes the programs of a virtual environment whose path has spaces.
    program = project / "build/program"
    program.write_text(f"#!/bin/sh\nexec /bin/cat '{project}/src/layers.txt'\n")
    program.chmod(0o755)
    return project


@pytest.fixture(params=PLACES)
def project(request):
    if not os.access(pathlib.Path("/", *pathlib.Path(request.param).parts[1:2]), os.W_OK):
        pytest.skip(f"{request.param} cannot be written to")
    made = make_project(request.param)
    yield made
    shutil.rmtree(made)
    if request.param == "/tmp/deep/er":
        shutil.rmtree("/tmp/deep")


def run_in(project: pathlib.Path, script: str) -> str:
    lab = project / "build/kubernetes-lab"
    mounts = {"/tmp": lab / "volume", "/tmp/scripts": lab / "config"}
    done = subprocess.run([*NAMESPACE, *container_command(project, lab / "account", mounts, ["bash", "-c", script])],
                          capture_output=True, text=True, timeout=60, cwd=lab)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(subprocess.run([*NAMESPACE, "true"], capture_output=True).returncode != 0,
                    reason="no namespaces here")
def test_a_volume_over_tmp_hides_neither_the_project_nor_the_files_of_other_volumes(project):
    assert run_in(project, f"cat {PROJECT}/src/layers.txt") == "base:\n"
    assert run_in(project, f"{PROJECT}/build/program") == "base:\n", "its own path is named in programs"
    assert run_in(project, "bash /tmp/scripts/script.sh") == "from a ConfigMap\n"
    assert run_in(project, "cat /run/secrets/kubernetes.io/serviceaccount/token") == "secret"
    assert run_in(project, "echo kept > /tmp/file; cat /tmp/file") == "kept\n"
    assert (project / "build/kubernetes-lab/volume/file").read_text() == "kept\n"
    assert not pathlib.Path(PROJECT).exists(), "this machine is as it was"


def test_no_path_in_a_container_has_the_spaces_of_the_checkout():
    project = pathlib.Path("/home/some one/puna")
    assert inside(project, project / "build/models") == f"{PROJECT}/build/models"
    assert " " not in PROJECT


def test_a_container_that_ends_soon_again_and_again_cannot_start():
    ends = Ends()
    assert [ends.add(0.1) for _ in range(ENDS_MAX)] == [False] * (ENDS_MAX - 1) + [True]
    ends = Ends()
    assert [ends.add(12) for _ in range(ENDS_MAX + 1)] == [False] * (ENDS_MAX - 1) + [True, False], "slowly; and said once"
    ends = Ends()
    for seconds in (1, 1, 600, 1, 1, 600):
        assert not ends.add(seconds), "it has run in between"


class BareLab(Lab):
    """Its commands run here; for what the real one does beside that."""

    def __init__(self) -> None:
        self._reported, self.environment = [], dict(os.environ)

    def enter(self, *command: str) -> list[str]:
        return list(command)


def test_a_test_that_waits_behind_a_broken_pod_fails_with_the_pods_words():
    lab = BareLab()
    threading.Timer(0.5, lab.report, ["pod llama2-head cannot start: ray: command not found"]).start()
    with pytest.raises(LabError, match="ray: command not found"):
        lab.run("sleep", "100")  # less than the time limit: the report ends it, or nothing does
    assert lab.run("echo", "goes on").stdout == "goes on\n", "it is said once"


def test_commands_of_the_lab_have_their_input_output_and_time_limit():
    lab = BareLab()
    assert lab.run("bash", "-c", "sleep 1.5; cat", stdin="x" * 200_000).stdout == "x" * 200_000
    with pytest.raises(LabError, match="said why"):
        lab.run("bash", "-c", "echo said why >&2; exit 3")
    with pytest.raises(subprocess.TimeoutExpired):
        lab.run("sleep", "300", timeout_s=0.1)


def test_nginx_reads_a_configuration_below_a_folder_with_spaces(tmp_path):
    nginx = ROOT / "build/nginx/usr/sbin/nginx"
    if not nginx.exists():
        pytest.skip("tools/fetch_nginx.sh makes it")
    folder = tmp_path / "a folder"
    folder.mkdir()
    (folder / "nginx.conf").write_text(nginx_config([], lambda *_: "", "127.0.0.1:1", folder))
    checked = subprocess.run([nginx, "-t", "-c", folder / "nginx.conf", "-p", folder], capture_output=True, text=True)
    assert "syntax is ok" in checked.stderr, checked.stderr
