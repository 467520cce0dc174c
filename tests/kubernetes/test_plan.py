"""What `puna plan --write` writes, held to the rules of the overlays that are in the repository, and what it
says when it writes nothing."""

import json
import os
import pathlib
import subprocess
import sys

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "python"), str(ROOT / "tests/kubernetes")]

import test_manifests as rules  # noqa: E402
from puna.ground import cost  # noqa: E402
from puna.settings import parse_settings  # noqa: E402
from render import build  # noqa: E402

BINARY = os.environ.get("PUNA_BINARY", str(ROOT / "build/release/bin/puna"))
# Model, machines, users; a name in which the rules find the hardware.
PLANS = {"cpu": ("llama-2-7b", "cpu", 3), "gpu": ("llama-2-13b", "gpu", 150), "inf2": ("llama-2-13b", "inf2", 400),
         "inf2-70b": ("llama-2-70b", "inf2", 10), "inf2-small": ("llama-2-7b", "inf2", 1), "trn1": ("llama-2-7b", "trn1", 50)}


def plan(*arguments, cwd=ROOT):
    return subprocess.run([BINARY, "plan", *map(str, arguments)], cwd=cwd, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Each plan as it was written: (folder, its objects, the plan as JSON)."""
    found = {}
    for name, (shape, on, users) in PLANS.items():
        folder = tmp_path_factory.mktemp("overlays") / f"plan-{name}"
        done = plan("--shape", shape, "--on", on, "--users", users, "--write", folder, "--json")
        assert done.returncode == 0, done.stderr
        found[name] = (folder, build(folder), json.loads(done.stdout))
    return found


@pytest.mark.parametrize("name", PLANS)
def test_a_written_overlay_keeps_the_rules_of_the_others(written, name):
    objects = {name: written[name][1]}
    rules.test_every_field_is_one_that_kubernetes_knows(objects)
    rules.test_names_and_ports_are_the_seeds(objects, name)
    rules.test_what_kuberay_refuses_or_ignores_is_not_there(objects, name)
    rules.test_the_replicas_settings_are_understood_and_fit_their_nodes(
        {"inf2": objects[name]} if "inf2" in name or name == "trn1" else objects,
        "inf2" if "inf2" in name or name == "trn1" else name)
    rules.test_every_pod_is_restricted_and_bounded(objects, name)
    if name != "gpu":
        rules.check_pods_find_their_nodes(objects[name])


@pytest.mark.parametrize("name", [one for one in PLANS if one.startswith("inf2")])
def test_a_written_degree_divides_the_heads_and_the_weights_fit(written, name):
    model = PLANS[name][0].removeprefix("llama-2-")
    rules.test_a_tensor_parallel_degree_divides_the_heads_and_the_weights_fit(
        {f"llama2-{model}-inf2": written[name][1]}, model)


@pytest.mark.parametrize("name", PLANS)
def test_what_is_written_is_what_the_plan_says(written, name):
    _, objects, document = written[name]
    choice = document["options"][0]
    settings = parse_settings({}, rules.settings_of(objects))
    values = rules.settings_of(objects)
    assert settings.model == {"7b": "NousResearch/Llama-2-7b-chat-hf", "13b": "NousResearch/Llama-2-13b-chat-hf",
                              "70b": "NousResearch/Llama-2-70b-chat-hf"}[PLANS[name][0].removeprefix("llama-2-")]
    assert settings.tp_degree == choice["tp_degree"]
    assert int(values["PUNA_MAX_MODEL_LEN"]) == document["context"]
    assert int(values["PUNA_MAX_NUM_SEQS"]) == choice["streams"]
    if name == "cpu":
        assert settings.weights == choice["weights"]
        assert int(values["PUNA_KV_CACHE_MEMORY_BYTES"]) == choice["memory"]["kv"]
    group = rules.ray_cluster(objects)["workerGroupSpecs"][0]
    assert group["replicas"] == choice["instances"]
    affinity = group["template"]["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert affinity["nodeSelectorTerms"][0]["matchExpressions"][0]["values"] == [choice["instance"]]
    limits = group["template"]["spec"]["containers"][0]["resources"]["limits"]
    assert rules.quantity(limits["memory"]) * 1.01 >= min(choice["memory"]["available"], 1e9)
    assert settings.autoscaling["max_replicas"] >= choice["replicas"], "the plan's replicas may come"


@pytest.mark.parametrize("name", [one for one in PLANS if one != "gpu"])
def test_the_pool_has_room_for_the_plan_and_one_machine_more_and_no_end_of_them(written, name):
    _, objects, document = written[name]
    machine = cost.read_prices()["instances"][document["options"][0]["instance"]]
    pool = "default" if name == "cpu" else "inferentia-inf2"
    limit = int(rules.find(objects, "NodePool", pool)["spec"]["limits"]["cpu"])
    wanted = (document["options"][0]["instances"] + 1) * machine["vcpus"]
    assert wanted <= limit <= wanted + 16
    families = rules.find(objects, "NodePool", pool)["spec"]["template"]["spec"]["requirements"][0]["values"]
    assert document["options"][0]["instance"].split(".")[0] in families


@pytest.mark.parametrize("name", PLANS)
def test_install_can_price_it_and_terraform_gets_its_region(written, name):
    folder, _, document = written[name]
    machines = json.loads((folder / "machines.json").read_text())
    assert machines["worker"] == document["options"][0]["instance"]
    prices = cost.read_prices()
    prices["overlays"]["mine"] = machines
    lines = {one.what: one.hour for one in cost.lines(prices, {}, "mine")}
    workers = [hour for what, hour in lines.items() if machines["worker"] in what and "worker" in what]
    assert sum(workers) == pytest.approx(document["options"][0]["dollars"]["hour"], rel=1e-3)
    assert 'region = "us-west-2"\n' in (folder / "terraform.tfvars").read_text()


def test_an_overlay_inside_the_repository_has_short_ways(tmp_path):
    (tmp_path / "deploy").mkdir()
    (tmp_path / "deploy/kubernetes").symlink_to(ROOT / "deploy/kubernetes")
    folder = tmp_path / "mine"
    done = plan("--shape", "llama-2-7b", "--on", "cpu", "--write", "mine", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    text = yaml.safe_load((folder / "kustomization.yaml").read_text())
    assert (folder / text["resources"][0] / "kustomization.yaml").resolve() == ROOT / "deploy/kubernetes/base/kustomization.yaml"


@pytest.mark.parametrize(("arguments", "code", "words"), [
    (["--shape", "llama-2-7b", "--region", "eu-moon-1"], 1, "--region eu-moon-1: the catalogue of"),
    (["--shape", "llama-2-7b", "--users", "-3"], 2, "--users: -3 is not a number"),
    (["--shape", "llama-2-7b", "--users", "1e30"], 2, "--users: 1e30 is not a number"),
    (["--shape", "llama-2-7b", "--tpot-ms", "nan"], 2, "--tpot-ms: nan is not a number"),
    (["--shape", "llama-2-7b", "--budget", "-1"], 2, "--budget: -1 is not a number"),
    (["--shape", "llama-2-7b", "--users", "3", "--tokens-per-second", "9"], 2, "excludes"),
    (["--shape", "llama-2-7b", "--context", "4097"], 1, "--context 4097: the model has 4096 positions"),
    (["--shape", "llama-9"], 1, "llama-9: no such shape"),
    (["llama-2-13"], 1, "llama-2-13: no such shape; did you mean llama-2-13b"),
    (["no-such-model"], 1, "no-such-model: no such shape"),
    ([], 2, "puna plan needs a MODEL or --shape NAME"),
    (["--shape", "llama-2-70b", "--budget", "10"], 1, "is the nearest: $"),
    (["--shape", "llama-2-70b", "--tpot-ms", "0.1"], 1, "nothing does all of it; p5.48xlarge is the nearest"),
    (["--shape", "llama-2-70b", "--on", "here", "--write", "x"], 1, "here"),
    (["--shape", "smollm2-135m", "--on", "cpu", "--write", "x"], 1, "--write: pods fetch the model from a hub repository"),
    (["--shape", "llama-2-7b", "--on", "tpu"], 2, "tpu not in"),
    (["--shape", "llama-2-7b", "--catalogue", "/no/such/file"], 1, "/no/such/file"),
])
def test_bad_input_is_one_line_and_an_exit_code(arguments, code, words):
    done = plan(*arguments)
    assert (done.returncode, done.stderr.count("\n")) == (code, 1), done.stderr
    assert done.stderr.startswith("error: ") and words in done.stderr


def test_a_folder_without_a_config_and_one_with_only_a_config(tmp_path):
    done = plan(tmp_path)
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and "config.json" in done.stderr
    (tmp_path / "config.json").write_text(json.dumps({
        "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 4096, "intermediate_size": 11008,
        "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 32, "vocab_size": 32000,
        "max_position_embeddings": 4096, "rms_norm_eps": 1e-5, "hidden_act": "silu", "tie_word_embeddings": False}))
    done = plan(tmp_path, "--json", "--on", "inf2")
    assert done.returncode == 0, done.stderr
    same = json.loads(plan("llama-2-7b", "--json", "--on", "inf2").stdout)
    assert json.loads(done.stdout)["options"] == same["options"]


def test_another_catalogue_changes_the_prices(tmp_path):
    catalogue = json.loads(cost.CATALOGUE.read_text())
    for one in catalogue["instances"].values():
        one["hour"] *= 2
    (tmp_path / "mine.json").write_text(json.dumps(catalogue))
    arguments = ["--shape", "llama-2-7b", "--on", "inf2", "--json"]
    once, twice = (json.loads(plan(*arguments, *more).stdout)["options"][0]["dollars"]["hour"]
                   for more in ([], ["--catalogue", tmp_path / "mine.json"]))
    assert once < twice < 2 * once


def test_here_says_what_bench_would_measure():
    done = plan("--shape", "smollm2-135m", "--on", "here", "--weights", "int8", "--json")
    assert done.returncode == 0, done.stderr
    here = json.loads(done.stdout)["here"]
    assert here["read_bandwidth_bytes_per_second"] > 1e8 and here["int8_operations_per_second"] > 1e9
    tests = {(one["test"], one["batch"], one["depth"]): one["tokens_per_second"] for one in here["tests"]}
    assert tests["decode", 8, 0] > tests["decode", 1, 0] > tests["decode", 1, 1024] > 0
    assert tests["prefill", 1, 0] > tests["decode", 1, 0]
