"""Renders deploy/kubernetes as `kustomize build` does, for what these files use of it, without kustomize.

Resources, components, patches (JSON operations, and `$patch: delete`) and images. Whatever else a
kustomization may hold is an error here, so that nothing is silently left out.
PUNA_KUSTOMIZE=/path/to/kustomize makes test_manifests.py compare both.
"""

import os
import pathlib
from typing import Any

import yaml

Document = dict[str, Any]
KNOWN = {"apiVersion", "kind", "resources", "components", "patches", "images"}


def write_kustomization(folder: pathlib.Path, deploy: pathlib.Path, overlay: str, *components: str) -> None:
    """An overlay with components, as a user would add them; paths are relative, as kustomize wants them."""
    folder.mkdir(exist_ok=True)
    relative = os.path.relpath(deploy, folder)
    (folder / "kustomization.yaml").write_text(yaml.safe_dump({
        "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization",
        "resources": [f"{relative}/overlays/{overlay}"],
        "components": [f"{relative}/components/{one}" for one in components]}))


def build(folder: pathlib.Path) -> list[Document]:
    """All objects of a kustomization, in its order."""
    return apply(folder, [])


def apply(folder: pathlib.Path, objects: list[Document]) -> list[Document]:
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
    unknown = set(kustomization) - KNOWN
    assert not unknown, f"{folder}: render.py does not know {unknown}"
    for resource in kustomization.get("resources", []):
        objects = objects + load(folder / resource)
    for component in kustomization.get("components", []):
        objects = apply((folder / component).resolve(), objects)
    for patch in kustomization.get("patches", []):
        objects = patched(objects, patch)
    for image in kustomization.get("images", []):
        set_image(objects, image["name"], f"{image['newName']}:{image['newTag']}")
    return objects


def load(path: pathlib.Path) -> list[Document]:
    if path.is_dir():
        return build(path.resolve())
    # YAML's anchors give one object in several places; a patch is for one of them.
    return [deep_copy(one) for one in yaml.safe_load_all(path.read_text()) if one]


def patched(objects: list[Document], patch: Document) -> list[Document]:
    target, content = patch["target"], yaml.safe_load(patch["patch"])
    kept = []
    for one in objects:
        if one["kind"] == target["kind"] and one["metadata"]["name"] == target["name"]:
            if isinstance(content, dict):
                assert content.get("$patch") == "delete", "only whole objects are deleted by a merge"
                continue
            one = deep_copy(one)
            for operation in content:
                change(one, operation)
        kept.append(one)
    return kept


def deep_copy(value: Any) -> Any:
    """Without shared parts, which copy.deepcopy of the standard library would keep shared."""
    if isinstance(value, dict):
        return {key: deep_copy(one) for key, one in value.items()}
    if isinstance(value, list):
        return [deep_copy(one) for one in value]
    return value


def change(document: Document, operation: Document) -> None:
    """One operation of RFC 6902: add, replace or remove."""
    parts = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
    where: Any = document
    for part in parts[:-1]:
        where = where[int(part)] if isinstance(where, list) else where[part]
    kind, last = operation["op"], parts[-1]
    if isinstance(where, list):
        index = len(where) if last == "-" else int(last)
        if kind == "add":
            where.insert(index, operation["value"])
        elif kind == "replace":
            where[index] = operation["value"]
        else:
            del where[index]
        return
    assert kind == "add" or last in where, f"{operation['path']} is not there"
    if kind == "remove":
        del where[last]
    else:
        where[last] = operation["value"]


def set_image(value: Any, name: str, image: str) -> None:
    if isinstance(value, list):
        for one in value:
            set_image(one, name, image)
    elif isinstance(value, dict):
        for key, one in value.items():
            if key in ("containers", "initContainers"):
                for container in one:
                    if container.get("image") == name:
                        container["image"] = image
            set_image(one, name, image)
