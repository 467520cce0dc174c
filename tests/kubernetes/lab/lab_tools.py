#!/usr/bin/env python3
"""Builds the programs of the Kubernetes lab from Go modules, once, into a cache outside the repository.

    build/venv/kubernetes_lab/bin/python tests/kubernetes/lab/lab_tools.py          builds what is missing
    build/venv/kubernetes_lab/bin/python tests/kubernetes/lab/lab_tools.py tofu     OpenTofu too (make test-terraform)

Versions are pinned here; modules are checked by Go's checksum database. The cache is
${PUNA_LAB_CACHE:-${XDG_CACHE_HOME:-~/.cache}/puna/kubernetes-lab}: bin/ (660 MB), crds/ and kwok.yaml.
Go's own caches (9 GB) live beside them only while something is built.
"""

import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

KUBERNETES = "1.36.3"
CACHE = pathlib.Path(os.environ.get("PUNA_LAB_CACHE") or pathlib.Path(
    os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "puna/kubernetes-lab")
BIN, CRDS, STAGES = CACHE / "bin", CACHE / "crds", CACHE / "kwok.yaml"
# What deploy/kubernetes/ground/lock.json names, as PUNA_PARTS wants it.
PARTS = CACHE / "parts"


@dataclasses.dataclass(frozen=True)
class Program:
    name: str
    module: str
    version: str
    package: str = ""  # below the module
    flags: str = ""  # of the linker


PROGRAMS = [
    Program("kustomize", "sigs.k8s.io/kustomize/kustomize/v5", "v5.8.2"),
    Program("etcd", "go.etcd.io/etcd/server/v3", "v3.6.16"),
    *(Program(name, "k8s.io/kubernetes", f"v{KUBERNETES}", f"/cmd/{name}") for name in (
        "kubectl", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy")),
    Program("kwok", "sigs.k8s.io/kwok", "v0.8.0", "/cmd/kwok"),
    Program("kuberay-operator", "github.com/ray-project/kuberay/ray-operator", "v1.5.1"),
    Program("karpenter-kwok", "sigs.k8s.io/karpenter", "v1.14.1", "/kwok"),
    Program("coredns", "github.com/coredns/coredns", "v1.15.0"),
]
# Not part of the cluster; built when it is named.
EXTRA_PROGRAMS = [
    Program("tofu", "github.com/opentofu/opentofu", "v1.12.6", "/cmd/tofu",
            " -X github.com/opentofu/opentofu/version.dev=no"),
]
# Folder of CACHE/crds: module, version, files of it.
CRD_SOURCES = {
    "ray": ("github.com/ray-project/kuberay/ray-operator", "v1.5.1", "config/crd/bases/*.yaml"),
    "karpenter": ("sigs.k8s.io/karpenter", "v1.14.1", "pkg/apis/crds/*.yaml"),
    "karpenter-kwok": ("sigs.k8s.io/karpenter", "v1.14.1", "kwok/apis/crds/*.yaml"),
    "karpenter-aws": ("github.com/aws/karpenter-provider-aws", "v1.14.1",
                      "pkg/apis/crds/karpenter.k8s.aws_*.yaml"),
    "gateway": ("sigs.k8s.io/gateway-api", "v1.6.3", "config/crd/standard/*.yaml"),
    "monitoring": ("github.com/prometheus-operator/prometheus-operator", "v0.85.0",
                   "example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml"),
}
# Files of a repository at a tag, from the module of the same version: repository, folder in it, module, version, files.
PART_SOURCES = [
    ("aws/karpenter-provider-aws", "", "github.com/aws/karpenter-provider-aws", "v1.14.1", "pkg/apis/crds/*.yaml"),
    ("ray-project/kuberay", "ray-operator", "github.com/ray-project/kuberay/ray-operator", "v1.5.1",
     "config/crd/bases/*.yaml"),
]
# How kwok plays a kubelet: nodes become ready, pods run and end. In this order in one file.
STAGE_FILES = ["node/fast/node-initialize.yaml", "pod/fast/pod-ready.yaml",
               "pod/fast/pod-complete.yaml", "pod/fast/pod-delete.yaml"]


class Go:
    """The pinned Go compiler of the virtual environment that runs this, with caches in CACHE."""

    def __init__(self) -> None:
        self.program = str(pathlib.Path(sys.executable).parent / "go")
        self.modules = CACHE / "go/modules"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("GO")},
            "GOMODCACHE": str(self.modules), "GOCACHE": str(CACHE / "go/cache"), "CGO_ENABLED": "0",
            "GOFLAGS": "-buildvcs=false -trimpath -modcacherw -mod=mod", "GOTOOLCHAIN": "local"}

    def run(self, *arguments: str, folder: pathlib.Path) -> str:
        done = subprocess.run(["nice", self.program, *arguments], cwd=folder, env=self.environment,
                              capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"error: go {' '.join(arguments)}\n{done.stderr[-3000:]}")
        return done.stdout

    def module_folder(self, module: str, version: str) -> pathlib.Path:
        answer = self.run("mod", "download", "-json", f"{module}@{version}", folder=CACHE)
        return pathlib.Path(json.loads(answer)["Dir"])


def build(go: Go, program: Program) -> None:
    """A module of its own that requires the program's, so that the program's versions are all there are."""
    folder = CACHE / "go/work" / program.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    source = go.module_folder(program.module, program.version)
    go.run("mod", "init", f"lab/{program.name}", folder=folder)
    required = json.loads(go.run("mod", "edit", "-json", str(source / "go.mod"), folder=folder))
    go.run("mod", "edit", f"-go={required['Go']}", f"-require={program.module}@{program.version}",
           *replacements(program, required), folder=folder)
    flags = "-s -w" + program.flags
    if program.module == "k8s.io/kubernetes":
        major, minor, _ = KUBERNETES.split(".")
        for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version"):
            flags += (f" -X {package}.gitVersion=v{KUBERNETES} -X {package}.gitMajor={major}"
                      f" -X {package}.gitMinor={minor} -X {package}.gitTreeState=clean")
    partial = BIN / f".{program.name}.partial"
    go.run("build", "-ldflags", flags, "-o", str(partial), program.module + program.package, folder=folder)
    partial.rename(BIN / program.name)


def replacements(program: Program, required: dict) -> list[str]:
    """What the program's go.mod replaces; Kubernetes' libraries, from its source tree there, by their releases."""
    replaced = required.get("Replace") or []
    if program.module != "k8s.io/kubernetes":
        return ["-replace=" + "=".join("@".join(filter(None, (side["Path"], side.get("Version"))))
                                       for side in (one["Old"], one["New"]))
                for one in replaced if not one["New"]["Path"].startswith(".")]
    names = {one["Old"]["Path"] for one in replaced if one["New"]["Path"].startswith("./staging/")}
    names |= {one["Path"] for one in required["Require"] if one["Version"] == "v0.0.0"}
    return [f"-replace={name}={name}@v0.{KUBERNETES.removeprefix('1.')}" for name in sorted(names)]


def copy_data(go: Go) -> None:
    """CRDs and kwok's stages, as their modules carry them."""
    for repository, folder, module, version, pattern in PART_SOURCES:
        source = go.module_folder(module, version)
        for file in source.glob(pattern):
            target = PARTS / repository / version / folder / file.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read_bytes())
    for name, (module, version, pattern) in CRD_SOURCES.items():
        target = CRDS / name
        target.mkdir(parents=True, exist_ok=True)
        files = sorted(go.module_folder(module, version).glob(pattern))
        if not files:
            raise SystemExit(f"error: {module}@{version} has no {pattern}")
        for file in files:
            (target / file.name).write_bytes(file.read_bytes())
    kwok = next(one for one in PROGRAMS if one.name == "kwok")
    stages = go.module_folder(kwok.module, kwok.version) / "kustomize/stage"
    STAGES.write_text("\n---\n".join((stages / name).read_text() for name in STAGE_FILES))


def main(also: list[str]) -> int:
    programs = [*(one for one in EXTRA_PROGRAMS if one.name in also), *PROGRAMS]
    wanted = {one.name: f"{one.module}{one.package} {one.version}" for one in programs}
    wanted["data"] = json.dumps([CRD_SOURCES, PART_SOURCES, STAGE_FILES], sort_keys=True)
    stamps = CACHE / "built.json"
    built = json.loads(stamps.read_text()) if stamps.exists() else {}
    missing = [name for name, stamp in wanted.items() if built.get(name) != stamp]
    if not missing:
        return 0
    BIN.mkdir(parents=True, exist_ok=True)
    print(f"building {len(missing)} parts of the Kubernetes lab into {CACHE} (about 15 minutes the first time)",
          flush=True)
    go = Go()
    for number, name in enumerate(missing, 1):
        began = time.monotonic()
        if name == "data":
            copy_data(go)
        else:
            build(go, next(one for one in programs if one.name == name))
        built[name] = wanted[name]
        stamps.write_text(json.dumps(built, indent=1) + "\n")
        print(f"[{number}/{len(missing)}] {name}: {time.monotonic() - began:.0f} s", flush=True)
    shutil.rmtree(CACHE / "go")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
