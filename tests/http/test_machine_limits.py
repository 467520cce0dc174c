"""Limits of the machine: each ends in one line that names it, or in a server that does with less."""

import os
import re
import resource
import subprocess
import time

import pytest

from puna_server import BINARY, PATIENCE, ROOT, PunaServer

UNPRIVILEGED = 65534
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="the limit of processes is per user")
# A sanitizer reserves terabytes and opens files of its own.
plain_build_only = pytest.mark.skipif(PATIENCE > 1, reason="a sanitizer has needs of its own")
CHECKPOINT = ROOT / "tests/golden/llama/multi_head"


def run_limited(which: int, value: int, *arguments: str, user: int | None = None
                ) -> subprocess.CompletedProcess[str]:
    """Ends by itself: standard input is closed, and --watch-stdin sees it."""
    def prepare() -> None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(which, (value, value))
        if user is not None:
            os.setgid(user)
            os.setuid(user)
    return subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=60 * PATIENCE,
                          stdin=subprocess.DEVNULL, preexec_fn=prepare)


SERVE = ("serve", "--backend", "fake", "--port", "0", "--watch-stdin")


def check_end(done: subprocess.CompletedProcess[str], word: str) -> bool:
    """True when it served; otherwise it said what it met, in one line, and ended with 1."""
    if done.returncode == 0:
        return True
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert done.returncode == 1, (done.returncode, done.stderr)
    assert len(errors) == 1 and word in errors[0], done.stderr
    return False


@plain_build_only
def test_descriptors():
    served = [check_end(run_limited(resource.RLIMIT_NOFILE, limit, *SERVE), "ulimit -n")
              for limit in (6, 8, 12, 20, 40, 100, 200)]
    assert served == [False] * 6 + [True]


@plain_build_only
def test_fewer_descriptors_than_connections_are_said(tmp_path):
    done = run_limited(resource.RLIMIT_NOFILE, 200, *SERVE)
    assert "--max-connections 4096" in done.stderr and "ulimit -n" in done.stderr


@plain_build_only
def test_connections_that_take_all_descriptors_leave_it_alive():
    server = PunaServer(before=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (160, 160)))
    connections = [server.connect() for _ in range(300)]
    ticks = processor_ticks(server)
    started = time.monotonic()
    for _ in range(20):
        assert server.get("/health").status_code == 200
    used = (processor_ticks(server) - ticks) / os.sysconf("SC_CLK_TCK")
    assert used < 0.5 * (time.monotonic() - started) + 1, "it spins"
    assert sum("accept" in line or "--max-connections" in line for line in server.errors) <= 3
    for connection in connections:
        connection.close()
    assert server.close() == 0


def processor_ticks(server) -> int:
    with open(f"/proc/{server.process.pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


@plain_build_only
@pytest.mark.parametrize("arguments", [SERVE, ("inspect", str(CHECKPOINT)), (*SERVE, "--threads", "64")])
def test_address_space(arguments):
    """In small steps from what the program's own libraries need. The steps between may go either way:
    malloc's arenas take more address space where more is left."""
    outcomes = []
    for megabytes in range(40, 800, 40):
        done = run_limited(resource.RLIMIT_AS, megabytes << 20, *arguments)
        if done.returncode == 127:  # the dynamic loader found no room
            continue
        outcomes.append(check_end(done, "ulimit -v"))
    assert len(outcomes) > 10 and all(outcomes[-5:]), outcomes


@plain_build_only
@needs_root
def test_processes():
    if subprocess.run([BINARY, "--version"], user=UNPRIVILEGED, group=UNPRIVILEGED,
                      capture_output=True).returncode != 0:
        pytest.skip("another user cannot reach the binary")
    served = [check_end(run_limited(resource.RLIMIT_NPROC, limit, *SERVE, user=UNPRIVILEGED), "ulimit -u")
              for limit in range(1, 12)]
    assert not served[0] and served[-1]


def test_locked_memory():
    assert check_end(run_limited(resource.RLIMIT_MEMLOCK, 0, *SERVE), "")


@plain_build_only
def test_the_size_of_files(tmp_path):
    done = run_limited(resource.RLIMIT_FSIZE, 4096, "quantize", str(CHECKPOINT), "--weights", "f32",
                       "--output", str(tmp_path / "out.packed"))
    assert not check_end(done, "out.packed")
    assert not list(tmp_path.glob("*.packed"))


@pytest.mark.parametrize("value", ["tcp://10.96.0.7:8000", "udp://10.96.0.7:53"])
def test_what_kubernetes_says_of_a_service_named_puna(start_server, value):
    server = start_server(variables={"PUNA_PORT": value, "PUNA_SERVICE_HOST": "10.96.0.7",
                                     "PUNA_PORT_8000_TCP_ADDR": "10.96.0.7"})
    assert any("PUNA_PORT" in line and "Kubernetes" in line for line in server.errors)


def test_a_bad_variable_is_named():
    done = subprocess.run([BINARY, "serve"], env={"PUNA_MAX_NUM_SEQS": "many"}, capture_output=True,
                          text=True, stdin=subprocess.DEVNULL, timeout=60 * PATIENCE)
    assert done.returncode == 2 and re.search("PUNA_MAX_NUM_SEQS.*many", done.stderr)

