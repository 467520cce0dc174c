"""The stage `ready`: what Ray Serve says is waited for, and then the model is asked, by a server that answers or does not."""

import pytest
from conftest import serving
from puna.ground.commands import GroundError
from puna.ground.kubectl import Kubectl
from puna.ground.ready import Ready


@pytest.fixture
def ready(world, install):
    install("--until=overlay")
    return Ready(world, Kubectl(world, world.place), look_s=0)


def failure(ready, wait_s: float = 0) -> str:
    with pytest.raises(GroundError) as caught:
        ready.wait(wait_s)
    return f"{caught.value} {caught.value.advice}"


def test_it_asks_when_ray_serve_says_running_and_gives_the_answer(world, ready):
    world.statuses = [("nothing", ""), ("DEPLOYING", ""), ("DEPLOYING", ""), ("RUNNING", "")]
    assert ready.wait(60) == "a llama"
    assert [one for one in world.said if "Ray Serve says" in one] == ["    Ray Serve says nothing of it",
                                                                    "    Ray Serve says DEPLOYING of it"], "each state once"
    assert "port-forward service/llama2-serve-svc :8000 --namespace=llama2" in world.asked[-2]


def test_the_question_is_the_guides(world, ready):
    seen = []
    with serving(lambda path, headers: seen.append(path) or (200, '["x"]')) as world.port:
        ready.wait(60)
    assert seen == ["/infer?sentence=Hello&max_tokens=8"]


def test_a_model_that_cannot_start_ends_the_wait_at_once_with_its_words(world, ready):
    world.statuses = [("DEPLOYING", ""), ("DEPLOY_FAILED", "puna: no backend for Neuron here")]
    said = failure(ready, 3600)
    assert "could not start the model: puna: no backend for Neuron here" in said and "describe pods" in said


def test_one_that_never_runs_ends_with_the_time_and_its_state(world, ready):
    world.statuses = [("DEPLOYING", "waiting for a node")]
    assert "not ready after 0 s; Ray Serve says DEPLOYING of it: waiting for a node" in failure(ready)


def test_refusals_are_asked_again_until_there_is_an_answer(world, ready):
    answers = [(503, "no replica yet"), (200, '[""]'), (200, "[]"), (200, '{"error": 1}'), (200, '["now"]')]
    with serving(lambda path, headers: answers.pop(0)) as world.port:
        assert ready.wait(60) == "now"
    assert any("it does not answer: 503 no replica yet" in one for one in world.said)


@pytest.mark.parametrize("answer, words", [((401, "wrong key"), "401 wrong key"),
                                           ((200, "<html>"), "'<html>' is no answer of /infer")])
def test_what_came_in_place_of_an_answer_is_said(world, ready, answer, words):
    with serving(lambda path, headers: answer) as world.port:
        assert words in failure(ready)


def test_without_a_pod_to_forward_to(world, ready):
    world.port = 0
    assert "unable to forward port: no pod" in failure(ready)


def test_the_key_of_the_secret_is_shown_where_there_is_one(world, ready):
    world.key = "a key"
    with serving(lambda path, headers: (200, '["yes"]') if headers["Authorization"] == "Bearer a key" else (401, "")) as world.port:
        assert ready.wait(60) == "yes"
