"""What is wrong is said in `serve status` and the dashboard, in the words of whoever knows."""

import pytest

from puna.dashboard import ClusterError, status_message
from running_cluster import RunningCluster, wait_until


def failure_of(cluster: RunningCluster, seconds: float = 120, **application: object) -> str:
    """Deploys it and gives what Serve says about its failure."""
    cluster.put(**application)
    wait_until(lambda: cluster.application()["status"] == "DEPLOY_FAILED", seconds,
               "the application is DEPLOY_FAILED")
    return status_message(cluster.application())


@pytest.mark.parametrize(("application", "words"), [
    ({"args": {"modell": "x"}}, "args.modell is not a setting; did you mean model?"),
    ({"args": {"flags": {"backend": "cpu"}, "model": "/nowhere/model.gguf"}}, "/nowhere/model.gguf"),
    pytest.param({"args": {"binary": "/nowhere/puna"}}, "binary '/nowhere/puna' is not an executable file",
                 marks=pytest.mark.long),
    pytest.param({"args": {"flags": {"no-such-flag": 1}}}, "--no-such-flag", marks=pytest.mark.long),
])
def test_the_reason_is_in_the_status(cluster, application, words):
    assert words in failure_of(cluster, **application)


def test_ray_is_not_open_without_the_token(cluster):
    from puna.dashboard import Dashboard

    assert oct(cluster.token_path.stat().st_mode & 0o777) == "0o600"
    for token in ("", "wrong"):
        for method, path in (("GET", "/api/serve/applications/"), ("POST", "/api/jobs/"),
                             ("DELETE", "/api/serve/applications/")):
            with pytest.raises(ClusterError, match="401|403"):
                Dashboard(cluster.dashboard.url, token).call(method, path)


def test_a_right_configuration_heals_a_failed_application(cluster):
    cluster.deploy(args={})
    assert len(cluster.replicas()) == 1
