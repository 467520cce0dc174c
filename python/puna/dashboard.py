"""The cluster as its dashboard's API shows it: nodes, applications, and handing in a configuration."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any

FAILED = ("DEPLOY_FAILED", "UNHEALTHY")


class ClusterError(RuntimeError):
    """The cluster did not start, or did not do what it was asked."""


class Dashboard:
    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self.token = token

    def call(self, method: str, path: str, body: object = None) -> Any:
        """One request to the dashboard's API with the token; None while nothing listens there."""
        request = urllib.request.Request(
            self.url + path, method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=30) as reply:
                text = reply.read()
        except urllib.error.HTTPError as failure:
            words = failure.read().decode("utf-8", "replace")[:2000]
            raise ClusterError(f"{method} {path}: {failure.code} {words}") from None
        except OSError:
            return None
        try:
            return json.loads(text) if text else {}
        except ValueError:
            return {}

    def alive_nodes(self) -> list[dict[str, Any]]:
        try:
            reply = self.call("GET", "/nodes?view=summary") or {}
        except ClusterError:
            return []
        nodes = reply.get("data", {}).get("summary", [])
        return [node for node in nodes if node.get("raylet", {}).get("state") == "ALIVE"]

    def deploy(self, config: Mapping[str, Any]) -> None:
        """Hands a Serve configuration to the cluster, as `serve deploy` does."""
        if self.call("PUT", "/api/serve/applications/", config) is None:
            raise ClusterError("the dashboard does not answer")

    def application(self, name: str) -> dict[str, Any]:
        """Status of an application as the dashboard gives it; empty when there is none."""
        reply = self.call("GET", "/api/serve/applications/") or {}
        return dict(reply.get("applications", {}).get(name, {}))

    def wait_running(self, name: str, timeout_s: float = 120.0) -> None:
        """Raises ClusterError with Serve's own message when the application fails instead."""
        for _ in poll(timeout_s):
            application = self.application(name)
            if application.get("status") == "RUNNING":
                return
            if application.get("status") in FAILED:
                raise ClusterError(f"{name} is {application['status']}: {status_message(application)}")
        raise ClusterError(f"{name} is not RUNNING within {timeout_s:g} s: {status_message(application)}")


def poll(timeout_s: float, every_s: float = 0.25) -> Iterator[None]:
    deadline = time.monotonic() + timeout_s
    while True:
        yield
        if time.monotonic() > deadline:
            return
        time.sleep(every_s)


def status_message(application: Mapping[str, Any]) -> str:
    """What Serve says about an application and its deployments."""
    words = [str(application.get("message", ""))]
    words += [str(one.get("message", "")) for one in application.get("deployments", {}).values()]
    return "\n".join(word for word in dict.fromkeys(words) if word) or "no message"
