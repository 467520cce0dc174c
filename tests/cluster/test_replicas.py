"""Replicas that die, are replaced, updated and scaled, while clients ask."""

import collections
import os
import signal
import time

import httpx

from load import Load, Stream
from running_cluster import ENDLESS_TOKENS, ROOT, SOON, RunningCluster, children, wait_until

TWO = {"min_replicas": 2, "max_replicas": 2}


def two_replicas(cluster: RunningCluster) -> None:
    cluster.deploy(args={"autoscaling": TWO})
    wait_until(lambda: len(cluster.replicas()) == 2, 60, "two replicas")


def assert_error_event_at_the_end(stream: Stream) -> None:
    assert stream.error == ""
    assert stream.events[-1] == "[DONE]", stream.events[-1:]
    assert stream.events[-2]["error"]["code"] == "replica_lost"
    assert stream.text_count > 0


def stream_on(cluster: RunningCluster, replica: str) -> Stream:
    """An endless stream that this replica has begun to answer."""
    for _ in range(20):
        stream = Stream(cluster.url, ENDLESS_TOKENS)
        assert stream.started.wait(SOON)
        if stream.replica == replica:
            return stream
        stream.leave()
    raise AssertionError(f"{replica} answers none of 20 streams")


def test_killed_replicas_cost_no_request_that_had_not_started(cluster):
    two_replicas(cluster)
    before = {one["replica_id"] for one in cluster.replicas()}
    with Load(cluster.url, 4) as load:
        load.wait_for_more(20)
        # First the server of a replica, then the whole process of the other.
        victim, other = cluster.replicas()
        first = stream_on(cluster, victim["replica_id"])
        os.kill(children(victim["pid"])[0], signal.SIGKILL)
        wait_until(lambda: len({one["replica_id"] for one in cluster.replicas()} - before) == 1, 90,
                   "the first is replaced")
        second = stream_on(cluster, other["replica_id"])
        os.kill(other["pid"], signal.SIGKILL)
        wait_until(lambda: not {one["replica_id"] for one in cluster.replicas()} & before
                   and len(cluster.replicas()) == 2, 90, "both are replaced")
        load.wait_for_more(20)
    assert load.failures() == []
    for stream in (first, second):
        stream.wait(SOON)
        assert_error_event_at_the_end(stream)
    # With its replica no server stays behind.
    wait_until(lambda: len(cluster.servers()) == 2, SOON, "two servers")


def test_requests_go_to_the_replicas_of_every_node_alike(cluster):
    cluster.deploy(args={"num_cpus": 0.8, "surge_percent": 0, "autoscaling": TWO})
    wait_until(lambda: len(cluster.replicas()) == 2 and len({one["node_id"] for one in cluster.replicas()}) == 2,
               60, "a replica on each node")
    with Load(cluster.url, 4) as load:
        load.wait_for_more(200)
    counts = collections.Counter(one.replica for one in load.outcomes)
    assert load.failures() == []
    assert len(counts) == 2 and min(counts.values()) > len(load.outcomes) / 4, counts
    cluster.deploy(args={"surge_percent": 0})  # there was no room for others beside these


def test_an_update_of_settings_fails_no_request_and_a_full_queue_says_when_to_come_back(cluster):
    two_replicas(cluster)
    before = {one["replica_id"] for one in cluster.replicas()}
    stream = Stream(cluster.url, 600)
    assert stream.started.wait(SOON)
    with Load(cluster.url, 3) as load:
        load.wait_for_more(10)
        cluster.put(args={"flags": {"max-num-seqs": 1, "max-num-queued-reqs": 1}})
        wait_until(lambda: not {one["replica_id"] for one in cluster.replicas()} & before
                   and cluster.is_healthy() and len(cluster.replicas()) == 1, 90,
                   "the update is done")
    # While the update runs, three clients may already meet the new queue of one.
    unexpected = [one for one in load.failures() if "overloaded" not in one.error]
    assert unexpected == []
    answered = {one.replica for one in load.outcomes if one.replica}
    assert answered & before and answered - before, "old ones and new ones"
    stream.wait(60)
    assert stream.error == "" and stream.events[-1] == "[DONE]"
    assert stream.events[-2]["choices"][0]["finish_reason"] == "length", "the whole answer came"

    running = [Stream(cluster.url, ENDLESS_TOKENS) for _ in range(2)]
    wait_until(lambda: cluster.metric("vllm:num_requests_waiting") == 1, SOON, "one runs, one waits")
    refused = httpx.get(cluster.url + "/infer?sentence=one+more", trust_env=False, timeout=10)
    assert refused.status_code == 503
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.json()["error"]["code"] == "overloaded"
    for stream in running:
        stream.leave()
    for stream in running:
        stream.wait(SOON)


def test_a_load_step_adds_a_replica_and_its_end_removes_it(cluster):
    """The seed's numbers: target 1, look-back 2 s, up after 2 s, down after 30 s, 1 to 2 replicas."""
    cluster.deploy(args={"autoscaling": {"max_replicas": 2}})
    wait_until(lambda: len(cluster.replicas()) == 1, 60, "one replica")
    began = time.monotonic()
    timeline = [(0.0, 1)]

    def count() -> int:
        number = len(cluster.replicas())
        if number != timeline[-1][1]:
            timeline.append((round(time.monotonic() - began, 1), number))
        return number

    with Load(cluster.url, 4, max_tokens=50) as load:
        wait_until(lambda: count() == 2, 60, "a second replica")
        up = time.monotonic() - began
        wait_until(lambda: len({one.replica for one in load.outcomes}) == 2, 20, "both answer")
        ended = time.monotonic()
    wait_until(lambda: count() == 1, 90, "one replica again")
    down = time.monotonic() - ended
    words = f"replicas over time: {timeline}; up after {up:.1f} s, down {down:.1f} s after the load"
    (ROOT / "build/test-logs").mkdir(parents=True, exist_ok=True)
    (ROOT / "build/test-logs/replicas-over-time.txt").write_text(words + "\n")
    assert load.failures() == []
    assert up >= 2, "not before the upscale delay"
    assert down >= 28, "not before the downscale delay"
    assert {number for _, number in timeline} == {1, 2}, "never outside its limits"
