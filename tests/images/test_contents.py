"""What is in the images and what is not: labels, users, the bill of materials, leftovers of the build."""

import json
import pathlib

import pytest
from container import VERSION, podman
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

IMAGES = ["puna", "puna-server", "puna-gradio", "puna-cuda", "puna-neuron"]
WITH_PYTHON = ["puna", "puna-gradio", "puna-cuda", "puna-neuron"]
BYTES_MAX = {"puna": 1_300e6, "puna-server": 330e6, "puna-gradio": 700e6, "puna-cuda": 7_000e6, "puna-neuron": 1_300e6}
BILL = "/usr/share/doc/puna/sbom.cdx.json"


def run(image: str, *command: str, user: str = "") -> str:
    """What a command prints in a container without network that is gone afterwards."""
    return podman("run", "--rm", "--network", "none", "--read-only", *(["--user", user] if user else []),
                  f"localhost/{image}:{VERSION}", *command).stdout


def configuration(image: str) -> dict:
    return json.loads(podman("image", "inspect", f"localhost/{image}:{VERSION}").stdout)[0]


def bill(image: str) -> dict:
    return json.loads(run(image, "cat", BILL))


def listed(image: str, kind: str) -> set[tuple[str, str]]:
    """Names and versions of the bill's packages of one kind of packager, but for what is part of the binary."""
    return {(one["name"].removeprefix("debian/"), one["version"]) for one in bill(image)["components"]
            if one.get("purl", "").startswith(f"pkg:{kind}/") and not one.get("properties")}


@pytest.mark.parametrize("image", IMAGES)
def test_it_runs_as_the_user_puna_and_not_as_root(image):
    assert configuration(image)["User"] == "1000:1000"
    assert run(image, "id").strip() == "uid=1000(puna) gid=1000(puna) groups=1000(puna)"


@pytest.mark.parametrize("image", IMAGES)
def test_its_labels_say_what_it_is(image):
    labels = {name.removeprefix("org.opencontainers.image."): value
              for name, value in configuration(image)["Labels"].items()}
    assert labels["title"] == image
    assert labels["version"] == VERSION
    assert labels["licenses"] == "Apache-2.0"
    assert labels["description"]


@pytest.mark.parametrize("image", IMAGES)
def test_its_size_is_what_its_parts_need(image):
    size = configuration(image)["Size"]
    print(f"{image}: {size / 1e6:.0f} MB")
    assert size < BYTES_MAX[image]


@pytest.mark.parametrize("image", IMAGES)
def test_no_program_runs_with_rights_of_another_user(image):
    assert run(image, "find", "/", "-xdev", "-type", "f", "-perm", "/6000", user="0") == ""


@pytest.mark.parametrize("image", IMAGES)
def test_nothing_of_it_belongs_to_the_user_but_the_home(image):
    owned = run(image, "find", "/", "-xdev", "(", "-path", "/proc", "-o", "-path", "/sys", "-o", "-path", "/dev", ")",
                "-prune", "-o", "-user", "1000", "-print", user="0").split()
    assert [path for path in owned if not path.startswith("/home/puna")] == []
    writable = run(image, "find", "/etc", "/opt", "/usr", "-xdev", "-not", "-type", "l", "-perm", "/022", user="0")
    # /usr/local belongs to Debian's group staff, in which nobody is.
    assert [path for path in writable.split() if not path.startswith("/usr/local")] == []


@pytest.mark.parametrize("image", IMAGES)
def test_no_compiler_packager_or_cache_is_left_in_it(image):
    tools = "gcc g++ cc clang clang-19 ld make cmake ninja git npm node pip pip3 ccache"
    assert run(image, "bash", "-c", f"for name in {tools}; do command -v $name; done; true") == ""
    leftovers = run(image, "bash", "-c", "ls -A /var/lib/apt/lists /var/cache/apt /puna /root/.cache /home/puna/.cache "
                    "/run/secrets /var/tmp 2>/dev/null; true", user="0")
    names = [line for line in leftovers.splitlines() if line and not line.endswith(":")]
    assert [name for name in names if name not in ("lock", "partial", "archives")] == []


@pytest.mark.parametrize("image", IMAGES)
def test_nothing_of_the_machine_that_built_it_is_in_it(image):
    """Neither its source of packages nor its certificates."""
    assert run(image, "bash", "-c", "cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null; true") == ""
    trusted = int(run(image, "grep", "--count", "BEGIN CERTIFICATE", "/etc/ssl/certs/ca-certificates.crt"))
    assert trusted == len(run(image, "ls", "/usr/share/ca-certificates/mozilla").split())
    history = podman("history", "--no-trunc", "--format", "{{.CreatedBy}}", f"localhost/{image}:{VERSION}").stdout
    assert "machine.list" not in history


@pytest.mark.parametrize("image", ["puna", "puna-server", "puna-cuda", "puna-neuron"])
def test_every_library_of_the_server_is_there(image):
    libraries = run(image, "ldd", "/usr/local/bin/puna")
    assert "libc.so.6 => " in libraries and "not found" not in libraries
    assert VERSION in run(image, "puna", "--version")


@pytest.mark.parametrize("image", IMAGES)
def test_its_bill_of_materials_is_valid_cyclonedx(image):
    text = run(image, "cat", BILL)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    whole = json.loads(text)["metadata"]["component"]
    assert (whole["name"], whole["version"], whole["type"]) == (image, VERSION, "container")


@pytest.mark.parametrize("image", IMAGES)
def test_its_bill_of_materials_has_every_debian_package(image):
    installed = run(image, "dpkg-query", "--show", "--showformat", "${Package} ${Version}\n").splitlines()
    assert listed(image, "deb") == {tuple(line.split()) for line in installed}


@pytest.mark.parametrize("image", WITH_PYTHON)
def test_its_bill_of_materials_has_every_python_package(image):
    script = ("import importlib.metadata as metadata\n"
              "for one in metadata.distributions(): print(one.name.lower().replace('_', '-'), one.version)")
    installed = {tuple(line.split()) for line in run(image, "python3", "-c", script).splitlines()}
    assert ("puna", VERSION) in installed
    assert listed(image, "pypi") == installed


@pytest.mark.parametrize("image", ["puna", "puna-server"])
def test_its_bill_of_materials_names_what_the_binary_took_in(image):
    components = bill(image)["components"]
    taken_in = {one["name"] for one in components if one.get("properties")}
    assert {"debian/libboost1.81-dev", "debian/libcli11-dev", "debian/nlohmann-json3-dev", "preact"} <= taken_in
    model = next(one for one in components if one["type"] == "machine-learning-model")
    path = pathlib.PurePath("/opt/puna/models", model["name"])
    assert run(image, "sha256sum", str(path)).split()[0] == model["hashes"][0]["content"]
