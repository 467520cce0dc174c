"""deploy/docker without a build: what the Dockerfile promises is written in it, and agrees with the rest of the
repository."""

import fnmatch
import json
import pathlib
import re
import tomllib

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DOCKER = ROOT / "deploy/docker"
REQUIREMENTS = ROOT / "tools/requirements"
IMAGES = ["puna-gradio", "puna-server", "puna-cuda", "puna-neuron", "puna"]
Instruction = tuple[str, str]


def instructions() -> list[Instruction]:
    """Keyword and arguments, with continued lines joined and comments left out."""
    lines = [line for line in (DOCKER / "Dockerfile").read_text().splitlines() if not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [(keyword.upper(), rest.strip()) for keyword, _, rest in
            (line.strip().partition(" ") for line in joined.splitlines() if line.strip())]


def stages() -> dict[str, list[Instruction]]:
    """Instructions of each stage by its name; what is before the first is under the empty name."""
    found: dict[str, list[Instruction]] = {"": []}
    name = ""
    for keyword, rest in instructions():
        if keyword == "FROM":
            name = rest.split(" AS ")[1]
            found[name] = []
        found[name].append((keyword, rest))
    return found


def lineage(name: str) -> list[Instruction]:
    """A stage's instructions after those of the stages that it is made from."""
    own = stages()[name]
    parent = own[0][1].split(" AS ")[0]
    return (lineage(parent) if parent in stages() else []) + own


def test_the_base_is_an_argument_with_a_digest_and_every_stage_begins_with_it():
    arguments = dict(rest.split("=", 1) for keyword, rest in stages()[""] if keyword == "ARG")
    assert re.fullmatch(r"docker\.io/library/debian:bookworm-slim@sha256:[0-9a-f]{64}", arguments["BASE"])
    for name in set(stages()) - {""}:
        assert lineage(name)[0][1].startswith("${BASE} AS ")


def test_the_images_are_the_last_stages_and_puna_is_the_default():
    assert list(stages())[-len(IMAGES):] == IMAGES


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_ends_as_a_user_by_number_who_is_not_root(image):
    assert [rest for keyword, rest in lineage(image) if keyword == "USER"][-1] == "1000:1000"
    after = [keyword for keyword, _ in stages()[image]]
    assert "RUN" not in after and after.index("COPY") < after.index("USER")


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_has_a_health_check_a_command_and_labels(image):
    own = dict(stages()[image])
    assert "http://127.0.0.1:" in own["HEALTHCHECK"] and "--start-period" in own["HEALTHCHECK"]
    assert json.loads(own["CMD"])
    labels = " ".join(rest for keyword, rest in lineage(image) if keyword == "LABEL")
    for name in ("title", "description", "version", "licenses"):
        assert f"org.opencontainers.image.{name}=" in labels


def test_the_version_is_that_of_the_project():
    version = re.search(r"image\.version=(\S+)", (DOCKER / "Dockerfile").read_text())[1]
    assert f" VERSION={version}\n" in (DOCKER / "Dockerfile").read_text()
    assert f"project(puna VERSION {version} " in (ROOT / "CMakeLists.txt").read_text()
    assert tomllib.loads((ROOT / "python/pyproject.toml").read_text())["project"]["version"] == version
    kustomization = yaml.safe_load((ROOT / "deploy/kubernetes/base/kustomization.yaml").read_text())
    images = {one["name"]: one.get("newTag") for one in kustomization["images"]}
    assert images == {"puna": version, "puna-gradio": version}


def test_nothing_is_fetched_without_a_hash():
    text = (DOCKER / "Dockerfile").read_text()
    assert ":latest" not in text
    assert not [rest for keyword, rest in instructions() if keyword == "ADD"]
    for keyword, rest in instructions():
        if keyword == "RUN":
            assert not re.search(r"\b(curl|git clone|npm install)\b", rest), rest
            for command in re.findall(r"pip\S* (?:install|wheel|download)[^&]*", rest):
                assert "--require-hashes" in command or "--no-index" in command, command


def test_debian_packages_leave_no_lists_behind_in_an_image():
    for image in IMAGES:
        for keyword, rest in lineage(image):
            if keyword == "RUN" and "apt-get install" in rest:
                assert "--no-install-recommends" in rest and "rm -rf /var/lib/apt/lists/*" in rest, rest


def is_ignored(path: str, rules: list[str]) -> bool:
    """By .dockerignore: the last rule that fits a path or a folder above it decides."""
    parts = path.split("/")
    above = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
    ignored = False
    for rule in rules:
        pattern = rule.removeprefix("!").removeprefix("**/")
        fits = any(fnmatch.fnmatchcase(one, pattern) or ("**/" in rule and fnmatch.fnmatchcase(
            one.rpartition("/")[2], pattern)) for one in above)
        if fits:
            ignored = not rule.startswith("!")
    return ignored


def ignore_rules() -> list[str]:
    return [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]


def test_every_file_that_is_copied_exists_and_reaches_the_build():
    copied = [rest.split() for keyword, rest in instructions() if keyword == "COPY" and "--from=" not in rest]
    assert len(copied) > 5
    for *sources, _ in copied:
        for source in sources:
            assert (ROOT / source).exists(), source
            assert not is_ignored(source, ignore_rules()), source


@pytest.mark.parametrize("path", [
    ".git/config", "build/release/bin/puna", "web/node_modules/preact/package.json", "docs/API.md", "keys.txt", ".env",
    "tests/http/conftest.py", "python/puna/__pycache__/settings.cpython-311.pyc", "models/demo/adapter/x"])
def test_what_no_image_needs_does_not_reach_the_build(path):
    assert ignore_rules()[0] == "*"
    assert is_ignored(path, ignore_rules())


@pytest.mark.parametrize("name", ["image_ray", "image_gradio"])
def test_the_packages_of_an_image_are_those_that_the_tests_ran_with(name):
    def versions(lock: str) -> set[str]:
        return set(re.findall(r"^\S+==\S+", (REQUIREMENTS / f"{lock}.txt").read_text(), re.M))

    assert versions(name) <= versions("cluster")


def locked(name: str) -> set[str]:
    return set(re.findall(r"^(\S+)==", (REQUIREMENTS / f"{name}.txt").read_text(), re.M))


def test_the_image_for_gpus_has_the_plugin_and_what_it_opens_beside_itself():
    """As it was seen on an H100: runtime, cuBLAS, cuDNN, NCCL; ptxas and libdevice, without which nothing is compiled."""
    assert locked("image_cuda") >= {"jax-cuda13-pjrt", "nvidia-cuda-runtime", "nvidia-cublas", "nvidia-cudnn-cu13",
                                    "nvidia-nccl-cu13", "nvidia-cuda-nvcc", "nvidia-nvvm"}
    assert not locked("image_cuda") & locked("image_ray"), "the two environments become one"


def test_the_image_for_neuron_has_nothing_of_aws_and_names_what_is_to_be_added():
    text = (DOCKER / "NEURON.md").read_text()
    for package in ("libneuronxla", "neuronx-cc", "aws-neuronx-runtime-lib", "aws-neuronx-collectives", "aws-neuronx-dkms"):
        assert f"`{package}`" in text
    version = re.search(r"VERSION=(\S+)", (DOCKER / "Dockerfile").read_text())[1]
    assert f"FROM puna-neuron:{version}\n" in text
    installed = [rest for keyword, rest in lineage("puna-neuron") if keyword == "RUN" and " install " in rest]
    assert installed and not [rest for rest in installed if "neuron" in rest]
    assert any(keyword == "ENV" and "/opt/puna/venv/bin" in rest for keyword, rest in lineage("puna-neuron")), "for neuronx-cc"


@pytest.mark.parametrize("image, device", [("puna-cuda", "cuda"), ("puna-neuron", "neuron")])
def test_an_image_for_devices_serves_on_them(image, device):
    command = json.loads(dict(stages()[image])["CMD"])
    assert command[command.index("--backend") + 1] == "pjrt" and command[command.index("--device") + 1] == device


def test_the_images_offer_what_the_kubernetes_objects_start():
    gradio = yaml.safe_load_all((ROOT / "deploy/kubernetes/base/gradio.yaml").read_text())
    deployment = next(one for one in gradio if one["kind"] == "Deployment")
    command = deployment["spec"]["template"]["spec"]["containers"][0]["command"]
    assert json.loads(dict(stages()["puna-gradio"])["CMD"]) == command
    for image in ("puna", "puna-server"):
        model = json.loads(dict(stages()[image])["CMD"])[-1]
        for objects in ("plain/server.yaml", "overlays/demo/kustomization.yaml"):
            assert model in (ROOT / "deploy/kubernetes" / objects).read_text()
        assert pathlib.PurePath(model).name in (ROOT / "tools/fetch_models.sh").read_text()


def test_the_compose_file_names_the_images_and_holds_them_to_the_same_rules():
    services = yaml.safe_load((DOCKER / "compose.yaml").read_text())["services"]
    assert set(services) == {"server", "gradio"}
    for service in services.values():
        assert service["build"]["target"] in IMAGES
        assert service["read_only"] and service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["mem_limit"] and all(one.startswith("127.0.0.1:") for one in service["ports"])
