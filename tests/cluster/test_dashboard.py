"""What a person opens in a browser: Ray's dashboard and the Gradio page of a running cluster."""

import subprocess

import httpx

from running_cluster import ROOT


def test_the_addresses_of_api_dashboard_and_gradio_are_printed_and_answer(cluster):
    output = cluster.output()
    assert f"API        {cluster.url}/v1/chat/completions" in output
    assert f"dashboard  {cluster.dashboard.url}/#/serve" in output
    gradio = f"http://127.0.0.1:{cluster.gradio_port}"
    assert f"Gradio     {gradio}" in output
    assert "Ask me any question" in httpx.get(gradio, trust_env=False, timeout=10).text


def test_the_dashboard_shows_the_application_and_its_replicas_to_who_has_the_token(cluster):
    cluster.deploy(args={})
    replicas = [one["replica_id"] for one in cluster.replicas()]
    browser = subprocess.run(
        ["node", "tests/browser/cluster/ray_dashboard.mjs", cluster.dashboard.url,
         cluster.dashboard.token, *replicas], cwd=ROOT, capture_output=True, text=True)
    assert browser.returncode == 0, browser.stderr
