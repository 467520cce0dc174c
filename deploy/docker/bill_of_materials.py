#!/usr/bin/env python3
"""Prints what an image is made of as CycloneDX JSON, from what the packagers themselves recorded.

The result has passed CycloneDX' own schema before it is printed.
"""

import argparse
import json
import pathlib
import sys
from collections.abc import Callable, Iterator

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

DISTRIBUTION = "debian-12"


def library(kind: str, name: str, version: str, properties: dict[str, str] | None = None,
            **qualifiers: str) -> Component:
    namespace, _, plain_name = name.rpartition("/")
    url = PackageURL(kind, namespace or None, plain_name, version, qualifiers)
    return Component(type=ComponentType.LIBRARY, name=name, version=version, purl=url, bom_ref=url.to_string(),
                     properties=[Property(name=key, value=value) for key, value in (properties or {}).items()])


def debian_packages(status: str) -> Iterator[Component]:
    """Of dpkg's status file."""
    for paragraph in status.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in paragraph.splitlines() if ": " in line and line[0] != " ")
        if fields["Status"].endswith(" installed"):
            yield library("deb", "debian/" + fields["Package"], fields["Version"], arch=fields["Architecture"],
                          distro=DISTRIBUTION)


def header_libraries(lines: str) -> Iterator[Component]:
    """Of lines of package, version and architecture; the compiler took them into the binary."""
    for line in lines.splitlines():
        package, version, architecture = line.split()
        yield library("deb", "debian/" + package, version, {"puna:linked": "compiled into the binary"},
                      arch=architecture, distro=DISTRIBUTION)


def python_packages(report: str) -> Iterator[Component]:
    """Of the report of `pip inspect`."""
    for one in json.loads(report)["installed"]:
        yield library("pypi", one["metadata"]["name"].lower().replace("_", "-"), one["metadata"]["version"])


def npm_packages(lock: str) -> Iterator[Component]:
    """Of package-lock.json, without what only builds and tests."""
    for path, one in json.loads(lock)["packages"].items():
        if path and not one.get("dev") and not one.get("optional"):
            yield library("npm", path.rpartition("node_modules/")[2], one["version"],
                          {"puna:linked": "bundled into the chat page"})


def models(lines: str) -> Iterator[Component]:
    """Of the output of sha256sum."""
    for line in lines.splitlines():
        digest, name = line.split()
        yield Component(type=ComponentType.MACHINE_LEARNING_MODEL, name=name, bom_ref=name,
                        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)])


READERS: dict[str, Callable[[str], Iterator[Component]]] = {
    "debian": debian_packages, "headers": header_libraries, "python": python_packages, "npm": npm_packages,
    "models": models}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("image")
    parser.add_argument("version")
    for option, reader in READERS.items():
        parser.add_argument(f"--{option}", type=pathlib.Path, nargs="*", default=[], help=reader.__doc__)
    options = parser.parse_args()
    bom = Bom()
    bom.metadata.component = Component(type=ComponentType.CONTAINER, name=options.image, version=options.version,
                                       bom_ref=options.image)
    for option, reader in READERS.items():
        for path in getattr(options, option):
            bom.components.update(reader(path.read_text()))
    bom.register_dependency(bom.metadata.component, bom.components)
    text = JsonV1Dot6(bom).output_as_string(indent=1)
    if problem := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        print(f"error: {problem}", file=sys.stderr)
        return 1
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
