"""Checks an object against the CRD of its kind, fields that the CRD does not know included.

CRDs are other projects' and are not in this repository; PUNA_CRDS names folders that hold them. Without
the right one an object has no problems that can be known here.
"""

import functools
import os
import pathlib
from typing import Any

import jsonschema
import yaml


@functools.cache
def schemas() -> dict[tuple[str, str], dict[str, Any]]:
    """(apiVersion, kind): the schema of spec, metadata left out."""
    found = {}
    for folder in filter(None, os.environ.get("PUNA_CRDS", "").split(":")):
        for path in pathlib.Path(folder).glob("*.yaml"):
            for crd in yaml.safe_load_all(path.read_text()):
                if not crd or crd.get("kind") != "CustomResourceDefinition":
                    continue
                for version in crd["spec"]["versions"]:
                    name = f"{crd['spec']['group']}/{version['name']}"
                    schema = version["schema"]["openAPIV3Schema"]
                    found[name, crd["spec"]["names"]["kind"]] = strict(schema["properties"]["spec"])
    return found


def strict(schema: Any) -> Any:
    """As Kubernetes' strict validation sees it: a field that is not there is wrong."""
    if isinstance(schema, list):
        return [strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: strict(value) for key, value in schema.items()}
    if closed.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    if "properties" in closed and not closed.get("x-kubernetes-preserve-unknown-fields") \
            and "additionalProperties" not in closed:
        closed["additionalProperties"] = False
    return closed


def crd_problems(document: dict[str, Any]) -> list[str]:
    schema = schemas().get((document["apiVersion"], document["kind"]))
    if schema is None:
        return []
    validator = jsonschema.Draft7Validator(schema)
    return [f"{'.'.join(map(str, error.absolute_path))}: {error.message[:300]}"
            for error in validator.iter_errors(document["spec"])]
