"""Settings, the judge of Serve YAMLs, and the record of deaths; none of it needs a cluster."""

import pathlib

import pytest
import yaml

from puna.restart_ledger import RestartLedger
from puna.serve_config import ConfigError, check_config, load_config
from puna.settings import SEED_AUTOSCALING, SettingsError, parse_settings
from running_cluster import CONFIG


def test_the_seeds_numbers_are_the_defaults():
    settings = parse_settings({}, {})
    assert settings.autoscaling == {
        "min_replicas": 1, "max_replicas": 2, "target_ongoing_requests": 1, "metrics_interval_s": 0.2,
        "look_back_period_s": 2, "upscale_delay_s": 2, "downscale_delay_s": 30}
    assert settings.deployment_options()["autoscaling_config"] == SEED_AUTOSCALING
    assert settings.ready_timeout_s == 900


def test_the_yaml_beats_the_environment_which_beats_the_default():
    environment = {"MODEL_ID": "from-env", "PUNA_MAX_REPLICAS": "7", "PUNA_THREADS": "3"}
    settings = parse_settings({"model": "from-yaml"}, environment)
    assert (settings.model, settings.autoscaling["max_replicas"], settings.threads) == ("from-yaml", 7, 3)
    assert parse_settings({}, environment).model == "from-env"
    assert parse_settings({"autoscaling": {"max_replicas": 3}}, environment).autoscaling["max_replicas"] == 3


def test_neuron_cores_are_a_resource_and_the_tensor_parallel_degree():
    settings = parse_settings({}, {"NEURON_CORES": "24"})
    assert settings.deployment_options()["ray_actor_options"]["resources"] == {"neuron_cores": 24}
    assert settings.server_arguments()[-2:] == ["--tp-degree", "24"]


def test_the_command_line_of_the_server():
    settings = parse_settings({"model": "m.gguf", "weights": "int8", "num_cpus": "4", "flags": {
        "adapter": ["a", "b"], "accept_license": True, "max-model-len": 100}}, {})
    assert settings.server_arguments() == [
        "m.gguf", "--weights", "int8", "--threads", "4", "--adapter=a", "--adapter=b",
        "--accept-license", "--max-model-len=100"]


def test_ray_sends_more_than_the_engine_takes_so_that_the_engine_refuses():
    settings = parse_settings({"flags": {"max-num-seqs": 8, "max-num-queued-reqs": 8}}, {})
    assert settings.deployment_options()["max_ongoing_requests"] > 16


@pytest.mark.parametrize(("arguments", "environment", "words"), [
    ({"max_replica": 3}, {}, "args.max_replica is not a setting"),
    ({"neuron_cores": -1}, {}, "args.neuron_cores is -1, and goes from 0 to 1024"),
    ({"num_cpus": True}, {}, "args.num_cpus is True, and must be a number"),
    ({"threads": 1.5}, {}, "args.threads is 1.5, and must be a whole number"),
    ({"model": 7}, {}, "args.model is 7, and must be a text"),
    ({"insecure_no_auth": "maybe"}, {}, "must be true or false"),
    ({"flags": ["x"]}, {}, "args.flags is ['x'], and must map flags"),
    ({"flags": {"adapter": {"a": 1}}}, {}, "args.flags.adapter is {'a': 1}"),
    ({"flags": {"watch_stdin": False}}, {}, "the replica itself sets --watch-stdin"),
    ({"autoscaling": {"max_replicas": 0}}, {}, "max_replicas is 0, and must be at least 1"),
    ({"autoscaling": {"upscale_delay": 1}}, {}, "did you mean upscale_delay_s?"),
    ({"autoscaling": {"look_back_period_s": -1}}, {}, "must not be negative"),
    ({}, {"NEURON_CORES": "two"}, "NEURON_CORES is 'two', and must be a whole number"),
    ({}, {"PUNA_MAX_REPLICAS": "x"}, "PUNA_MAX_REPLICAS is 'x', and must be a number"),
])
def test_a_wrong_setting_is_named(arguments, environment, words):
    with pytest.raises(SettingsError) as failure:
        parse_settings(arguments, environment)
    assert words in str(failure.value)


def with_deployment(**deployment: object) -> dict[str, object]:
    config = yaml.safe_load(CONFIG.read_text())
    config["applications"][0]["deployments"] = [{"name": "PunaReplica", **deployment}]
    return config


@pytest.mark.parametrize(("config", "words"), [
    ([], "must hold a mapping"),
    ({}, "applications: Field required"),
    ({"applications": []}, "applications is missing or empty"),
    ({"applicatons": []}, "applicatons is not a setting of Ray Serve; did you mean applications?"),
    (with_deployment(autoscaling_config={"target_num_ongoing_requests_per_replica": 1}),
     "Ray ignores this name; it is called target_ongoing_requests now"),
    (with_deployment(max_concurrent_queries=1), "it is called max_ongoing_requests now"),
    (with_deployment(autoscaling_config={"max_replica": 2}), "did you mean max_replicas?"),
    (with_deployment(ray_actor_options={"num_cpu": 2}), "did you mean num_cpus?"),
    (with_deployment(max_ongoing_requests="x"), "max_ongoing_requests"),
    (with_deployment() | {"http_options": {"prt": 1}}, "http_options.prt is not a setting"),
    ({"applications": [{"import_path": "puna.ray_serve:app", "args": {"modle": 1}}]},
     "applications[0]: args.modle is not a setting; did you mean model?"),
    ({"applications": [{"import_path": "puna.ray_serve:app", "deployments": [{"name": "X"}]}]},
     "the only deployment is PunaReplica"),
])
def test_what_ray_would_ignore_is_refused(config, words):
    with pytest.raises(ConfigError) as failure:
        check_config(config)
    assert words in str(failure.value)


def test_our_own_configuration_is_right_and_files_that_are_none_are_named(tmp_path: pathlib.Path):
    assert load_config(str(CONFIG))["applications"][0]["name"] == "llama2"
    for text, words in (("a: [", "is not YAML"), ("x" * (2 << 20), "more than")):
        (tmp_path / "wrong.yaml").write_text(text)
        with pytest.raises(ConfigError, match=words):
            load_config(str(tmp_path / "wrong.yaml"))
    with pytest.raises(ConfigError, match="cannot read"):
        load_config(str(tmp_path / "none.yaml"))


def test_a_server_that_keeps_dying_is_not_started_again_for_a_while(tmp_path: pathlib.Path):
    ledger = RestartLedger("app", str(tmp_path))
    for second in range(3):
        assert ledger.refusal(3, 60, now=100 + second) == ""
        ledger.record(f"ended with code {second}", now=100 + second)
    assert "ended 3 times in 60 s" in ledger.refusal(3, 60, now=110)
    assert "Last: ended with code 2" in ledger.refusal(3, 60, now=110)
    assert ledger.refusal(3, 60, now=160.5) == "", "the first death is forgotten after the window"
    assert RestartLedger("other", str(tmp_path)).refusal(3, 60, now=110) == ""
    next(tmp_path.glob("puna-deaths-*")).write_text("not json")
    assert RestartLedger("app", str(tmp_path)).refusal(3, 60, now=110) == ""
