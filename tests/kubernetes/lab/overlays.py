"""Objects of deploy/kubernetes as the real kustomize renders them."""

import pathlib
import subprocess

import yaml
from control_plane import Document
from lab_tools import BIN
from render import write_kustomization

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent.parent
DEPLOY = ROOT / "deploy/kubernetes"


def kustomize(folder: pathlib.Path) -> list[Document]:
    """The objects of a kustomization, by the real program."""
    text = subprocess.run([BIN / "kustomize", "build", folder], check=True, capture_output=True, text=True)
    return list(yaml.safe_load_all(text.stdout))


def with_components(folder: pathlib.Path, overlay: str, *components: str) -> list[Document]:
    write_kustomization(folder, DEPLOY, overlay, *components)
    return kustomize(folder)
