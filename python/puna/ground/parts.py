"""What runs in the cluster beside the model: own manifests of deploy/kubernetes/ground, and definitions (CRDs) that are
fetched at a pinned version and compared with the hashes of its lock.json."""

import hashlib
import json
import os
import pathlib
import urllib.error
import urllib.request
from typing import Any

from .commands import Commands, GroundError
from .kubectl import Kubectl
from .place import Place

SOURCE = "https://raw.githubusercontent.com/{repository}/{tag}/{path}"
FETCH_S = 60
BYTES_MAX = 8 << 20


def manifests(place: Place) -> pathlib.Path:
    return place.repository / "deploy/kubernetes/ground"


def read_lock(place: Place) -> dict[str, Any]:
    lock: dict[str, Any] = json.loads((manifests(place) / "lock.json").read_text())
    return lock


def fetch(commands: Commands, place: Place, name: str) -> list[pathlib.Path]:
    """The definitions of a part, from .ground/parts, from the folder $PUNA_PARTS, or from their source."""
    part = read_lock(place).get(name, {"files": {}})
    found = []
    for path, digest in part["files"].items():
        target = place.parts / name / pathlib.PurePath(path).name
        if not (target.exists() and hashlib.sha256(target.read_bytes()).hexdigest() == digest):
            data = one_file(commands, part, path)
            if hashlib.sha256(data).hexdigest() != digest:
                raise GroundError(f"{part['repository']} {part['tag']} {path} is not what lock.json says",
                                  "somebody changed it on the way or at its source; do not go on with it")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        found.append(target)
    return found


def one_file(commands: Commands, part: dict[str, Any], path: str) -> bytes:
    mirror = os.environ.get("PUNA_PARTS")
    if mirror:
        file: pathlib.Path = pathlib.Path(mirror) / part["repository"] / part["tag"] / path
        if not file.exists():
            raise GroundError(f"{file} is not there (PUNA_PARTS)", "put it there, or unset PUNA_PARTS")
        return file.read_bytes()
    url = SOURCE.format(repository=part["repository"], tag=part["tag"], path=path)
    commands.say(f"    fetch {url}")
    try:
        with urllib.request.urlopen(url, timeout=FETCH_S) as answer:
            return bytes(answer.read(BYTES_MAX))
    except (urllib.error.URLError, OSError) as error:
        raise GroundError(f"{url}: {error}", "check the network; without one, put the files of lock.json into a folder "
                          "and name it in PUNA_PARTS (docs/aws.md)") from error


def install(commands: Commands, kubectl: Kubectl, place: Place, stage: str, name: str,
            patches: list[dict[str, Any]] | None = None) -> None:
    """Definitions first, then the objects, then a wait for what they start."""
    commands.say(f"    {name}")
    files = [] if commands.dry_run else fetch(commands, place, name)
    if files:
        named = [f"--filename={one}" for one in files]
        kubectl.must(stage, "apply", "--server-side", "--force-conflicts", *named)
        kubectl.must(stage, "wait", "--for=condition=Established", "--timeout=60s", *named)
    folder = place.own / "kustomize" / name
    write_kustomization(folder, manifests(place) / name, patches=patches)
    kubectl.must(stage, "apply", "--server-side", "--force-conflicts", f"--kustomize={folder}")
    part = read_lock(place).get(name, {})
    for workload in part.get("waits", []):
        kubectl.must(stage, "rollout", "status", workload, f"--namespace={part.get('namespace', 'kube-system')}",
                     "--timeout=300s")


def replaced(kind: str, name: str, values: dict[str, Any]) -> dict[str, Any]:
    """A patch of write_kustomization(): values by their paths."""
    return {"target": {"kind": kind, **({"name": name} if name else {})},
            "patch": [{"op": "replace", "path": path, "value": value} for path, value in values.items()]}


def write_kustomization(folder: pathlib.Path, base: pathlib.Path, images: list[dict[str, str]] | None = None,
                        patches: list[dict[str, Any]] | None = None, components: list[pathlib.Path] | None = None) -> None:
    """`base` with changes; JSON is YAML."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "kustomization.yaml").write_text(json.dumps({
        "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization",
        "resources": [os.path.relpath(base, folder)], "images": images or [],
        "components": [os.path.relpath(one, folder) for one in components or []],
        "patches": [{"target": one["target"], "patch": json.dumps(one["patch"])} for one in patches or []]}, indent=1) + "\n")
