"""Faults that take a minute each to show their end; only with --long (make test-cluster)."""

import json
import os
import pathlib
import signal
import stat
import subprocess
import time

import httpx
import pytest

from conftest import cluster_folder
from load import Load
from puna.dashboard import ClusterError, status_message
from puna.local_cluster import HEAD_ADDRESS, LocalCluster, free_port
from running_cluster import (BINARY, ROOT, RunningCluster, children, command_of, processes_with,
                             wait_until)

pytestmark = pytest.mark.long


def only_replica(cluster: RunningCluster) -> dict[str, object]:
    return wait_until(lambda: len(cluster.replicas()) == 1 and cluster.is_healthy()
                      and cluster.replicas()[0], 90, "one healthy replica")


def answers(cluster: RunningCluster) -> bool:
    try:
        return httpx.get(cluster.url + "/infer?sentence=hi&max_tokens=3", trust_env=False,
                         timeout=20).status_code == 200
    except httpx.HTTPError:
        return False


def test_a_server_that_hangs_is_replaced(cluster):
    cluster.deploy(args={})
    replica = only_replica(cluster)
    server = children(replica["pid"])[0]
    os.kill(server, signal.SIGSTOP)
    began = time.monotonic()
    wait_until(lambda: replica["replica_id"] not in {one["replica_id"] for one in cluster.replicas()}
               and cluster.replicas(), 90, "another replica")
    print(f"replaced {time.monotonic() - began:.0f} s after its server hung")
    wait_until(lambda: answers(cluster), 20, "answers again")
    assert not command_of(server), "it is not left behind"


def test_a_server_whose_weights_are_found_damaged_is_replaced(tmp_path: pathlib.Path):
    """Nothing tells before the data are read; the next server packs the weights again."""
    model = ROOT / "build/models/SmolLM2-135M-Instruct.Q4_1.gguf"
    variables = {"PUNA_BACKEND": "cpu", "PUNA_MODEL": str(model), "PUNA_CACHE": str(tmp_path),
                 "PUNA_WEIGHTS": "int8", "PUNA_MAX_MODEL_LEN": "512", "PUNA_KV_CACHE_MEMORY_BYTES": "200MB"}
    quantized = subprocess.run([BINARY, "quantize", str(model), "--weights", "int8"], check=True, text=True,
                               stdout=subprocess.PIPE, env=os.environ | {"PUNA_CACHE": str(tmp_path)})
    packed = pathlib.Path(quantized.stdout.strip())
    before = packed.stat()
    with packed.open("r+b") as file:
        file.seek(100_000_000)
        byte = file.read(1)[0]
        file.seek(100_000_000)
        file.write(bytes([byte ^ 1]))
    os.utime(packed, ns=(before.st_atime_ns, before.st_mtime_ns))
    folder = cluster_folder(f"damaged{os.getpid()}")
    cluster = RunningCluster(folder, "--workers", "0", "--gradio-port", "-1", variables=variables)
    try:
        wait_until(lambda: answers(cluster) and packed.stat().st_ino != before.st_ino, 180,
                   "a server that has packed again answers")
        assert "cannot compute any more: the packed weights are damaged" in "".join(
            path.read_text(errors="replace") for path in folder.rglob("*") if path.is_file()
            and path.suffix in {".log", ".err", ".out"})
    finally:
        cluster.close()


def test_a_server_that_keeps_dying_is_not_restarted_for_ever_and_says_why(cluster):
    cluster.deploy(args={"restarts_max": 2})
    for _ in range(2):
        replica = only_replica(cluster)
        os.kill(children(replica["pid"])[0], signal.SIGABRT)
        wait_until(lambda: replica["replica_id"] not in {one["replica_id"] for one in cluster.replicas()},
                   30, "the replica has ended")
    wait_until(lambda: "ended 2 times in 600 s" in status_message(cluster.application()), 60,
               f"the reason is in the status: {status_message(cluster.application())}")
    assert "SIGABRT" in status_message(cluster.application())
    assert cluster.servers() == []
    # Another configuration begins anew.
    cluster.deploy(args={"restarts_max": 3}, wait_s=90)
    assert answers(cluster)


def test_a_server_that_hangs_while_starting_fails_the_deployment(cluster, tmp_path: pathlib.Path):
    script = tmp_path / "puna"
    script.write_text("#!/bin/sh\necho 'loading for ever' >&2\nexec sleep 1000\n")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    cluster.put(args={"binary": str(script), "ready_timeout_s": 2})
    wait_until(lambda: cluster.application()["status"] == "DEPLOY_FAILED", 90, "it fails")
    assert "not ready within 2 s (ready_timeout_s): loading for ever" in status_message(
        cluster.application())
    assert not [command for _, command in processes_with(str(script))]
    cluster.deploy(args={})


def test_a_dead_proxy_is_replaced(cluster):
    cluster.deploy(args={})
    proxy = next(pid for pid, command in processes_with(str(cluster.token_path.parent))
                 if command.startswith("ray::ProxyActor"))
    os.kill(proxy, signal.SIGKILL)
    wait_until(lambda: answers(cluster), 60, "answers again")
    only_replica(cluster)


def test_the_address_of_the_api_must_be_free(cluster):
    folder = cluster_folder(f"taken{os.getpid()}")
    with pytest.raises(AssertionError) as failure:
        RunningCluster(folder, "--workers", "0", "--port", str(cluster.port), "--gradio-port", "-1").close()
    assert f"port {cluster.port} of 127.0.0.1 cannot be had: Address already in use" in str(failure.value)
    assert "--port" in str(failure.value)


def test_when_a_worker_node_is_gone_its_requests_are_answered_by_the_rest():
    folder = cluster_folder(f"worker{os.getpid()}")
    cluster = RunningCluster(folder, "--gradio-port", "-1")
    try:
        cluster.deploy(args={"num_cpus": 0.8, "surge_percent": 0,
                             "autoscaling": {"min_replicas": 2, "max_replicas": 2}})
        wait_until(lambda: len(cluster.replicas()) == 2, 60, "two replicas")
        assert len({one["node_id"] for one in cluster.replicas()}) == 2, "one on each node"
        worker = next(pid for pid, command in processes_with(str(cluster.token_path))
                      if "--address" in command and "--block" in command)
        with Load(cluster.url, 3) as load:
            load.wait_for_more(20)
            os.kill(worker, signal.SIGKILL)
            # As long as it takes until Ray has noticed, and answers after that.
            wait_until(lambda: len({one["node_id"] for one in cluster.replicas()}) == 1, 120, "the rest")
            load.wait_for_more(50)
        assert load.failures() == []
        assert cluster.process.poll() is None, cluster.output()
    finally:
        cluster.close()


def test_without_its_head_the_cluster_ends_and_leaves_nothing():
    folder = cluster_folder(f"head{os.getpid()}")
    running = RunningCluster(folder, "--workers", "0", "--gradio-port", "-1")
    head = next(pid for pid, command in processes_with(str(folder))
                if "--head" in command and "--block" in command)
    os.kill(head, signal.SIGKILL)
    assert running.process.wait(60) == 1
    assert "error: the Ray node of" in running.output()
    wait_until(lambda: not list(processes_with(str(folder))), 30, "nothing is left")


def test_nothing_outlives_a_killed_puna_cluster():
    folder = cluster_folder(f"killed{os.getpid()}")
    running = RunningCluster(folder, "--workers", "0")
    running.process.kill()
    running.process.wait()
    wait_until(lambda: not list(processes_with(str(folder))), 90, "nothing is left")


def test_a_replica_that_needs_neuron_cores_gets_a_node_and_the_idle_node_goes(tmp_path):
    """Ray's own autoscaler with nodes that are made up on this machine: no such device is here."""
    node = "f" * 51 + "00000"
    variables = {
        "RAY_FAKE_CLUSTER": "1", "AUTOSCALER_UPDATE_INTERVAL_S": "1", "RAY_enable_autoscaler_v2": "1",
        "RAY_CLOUD_INSTANCE_ID": node, "RAY_OVERRIDE_NODE_ID_FOR_TESTING": node,
        "PUNA_BINARY": BINARY, "PUNA_BACKEND": "fake", "PUNA_FAKE_STEP_MICROSECONDS": "10000"}
    folder = cluster_folder(f"neuron{os.getpid()}")
    gcs_port = free_port(HEAD_ADDRESS)
    nodes = json.loads((ROOT / "tests/cluster/made_up_nodes.json").read_text())
    nodes["provider"]["gcs_address"] = f"{HEAD_ADDRESS}:{gcs_port}"
    (tmp_path / "nodes.json").write_text(json.dumps(nodes))
    cluster = LocalCluster(folder, cpus=2, gcs_port=gcs_port, environment=variables, head_arguments=[
        "--autoscaling-config", str(tmp_path / "nodes.json")])
    application = {
        "name": "llama2", "route_prefix": "/", "import_path": "puna.ray_serve:app",
        "args": {"neuron_cores": 2, "num_cpus": 0.5, "autoscaling": {
            "min_replicas": 0, "initial_replicas": 1, "max_replicas": 1, "downscale_delay_s": 5,
            "downscale_to_zero_delay_s": 5}}}
    with cluster:
        dashboard = cluster.dashboard
        assert len(dashboard.alive_nodes()) == 1
        dashboard.deploy({"proxy_location": "HeadOnly", "applications": [application],
                          "http_options": {"host": "127.0.0.1", "port": cluster.gcs_port + 1}})
        wait_until(lambda: len(dashboard.alive_nodes()) == 2, 120, "a node is added")
        wait_until(lambda: dashboard.application("llama2").get("status") == "RUNNING", 60, "running")
        replica = dashboard.application("llama2")["deployments"]["PunaReplica"]["replicas"][0]
        server = children(replica["pid"])[0]
        environment = pathlib.Path(f"/proc/{server}/environ").read_bytes()
        assert b"NEURON_RT_VISIBLE_CORES=0,1" in environment
        wait_until(lambda: not command_of(server), 60, "no load, no replica")
        wait_until(lambda: len(dashboard.alive_nodes()) == 1, 120, "the idle node is removed")


def test_other_machines_are_not_let_in_without_a_key():
    folder = cluster_folder(f"open{os.getpid()}")
    with pytest.raises(AssertionError) as failure:
        RunningCluster(folder, "--workers", "0", "--gradio-port", "-1", "--host", "0.0.0.0")
    assert "lets other machines in, and no key is set" in str(failure.value)
    with pytest.raises(ClusterError):
        LocalCluster(pathlib.Path("/tmp/" + "x" * 80))
