"""Objects of deploy/kubernetes as the real kustomize renders them."""

import os
import pathlib
import subprocess

import yaml
from control_plane import Document
from lab_tools import BIN

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent.parent
DEPLOY = ROOT / "deploy/kubernetes"


def kustomize(folder: pathlib.Path) -> list[Document]:
    """The objects of a kustomization, by the real program."""
    text = subprocess.run([BIN / "kustomize", "build", folder], check=True, capture_output=True, text=True)
    return list(yaml.safe_load_all(text.stdout))


def with_components(folder: pathlib.Path, overlay: str, *components: str) -> list[Document]:
    """An overlay with components, as a user would add them."""
    folder.mkdir(exist_ok=True)
    relative = os.path.relpath(DEPLOY, folder)
    (folder / "kustomization.yaml").write_text(yaml.safe_dump({
        "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization",
        "resources": [f"{relative}/overlays/{overlay}"],
        "components": [f"{relative}/components/{one}" for one in components]}))
    return kustomize(folder)
