"""The configuration of deploy/terraform as parsed HCL: blocks with where they come from."""

import dataclasses
import functools
import pathlib
from collections.abc import Iterator
from typing import Any

import hcl2

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
GROUND = ROOT / "deploy/terraform"
Body = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Block:
    file: str  # relative to the configuration
    kind: str  # resource, data, variable, module, provider, terraform, output, locals
    labels: tuple[str, ...]
    body: Body

    @property
    def type(self) -> str:
        return self.labels[0]

    @property
    def address(self) -> str:
        return f"{self.file}: {'.'.join((self.kind, *self.labels))}"

    def blocks(self, name: str) -> list[Body]:
        """Nested blocks of that name, dynamic ones by their content."""
        found = list(self.body.get(name, []))
        for dynamic in self.body.get("dynamic", []):
            found += dynamic.get(name, {}).get("content", [])
        return found

    def each_of(self, name: str) -> Any:
        """What a dynamic block is repeated for."""
        return next((one[name]["for_each"] for one in self.body.get("dynamic", []) if name in one), None)


class Configuration:
    """All blocks of a folder with its modules; `texts` is path: HCL."""

    def __init__(self, texts: dict[str, str]) -> None:
        self.texts = texts
        self.all = [block for file, text in texts.items() for block in parse(file, text)]

    def of(self, kind: str, type_name: str = "") -> list[Block]:
        return [one for one in self.all if one.kind == kind and (not type_name or one.type == type_name)]

    def variable(self, name: str) -> Body:
        return next(one.body for one in self.of("variable", name) if "/" not in one.file)


def read(folder: pathlib.Path = GROUND) -> Configuration:
    return Configuration({str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*.tf"))
                          if ".terraform" not in path.parts})


@functools.cache
def parse(file: str, text: str) -> tuple[Block, ...]:
    return tuple(block for kind, bodies in clean(hcl2.loads(text)).items() for body in bodies
                 for block in labelled(file, kind, (), body))


def labelled(file: str, kind: str, labels: tuple[str, ...], body: Body) -> Iterator[Block]:
    if body.pop("__is_block__", False):
        yield Block(file, kind, labels, body)
        return
    for label, inner in body.items():
        yield from labelled(file, kind, (*labels, label), inner)


def clean(value: Any) -> Any:
    """Strings without their quotation marks; the parser's own marks go, but for the end of labels."""
    if isinstance(value, dict):
        return {clean(key): clean(one) for key, one in value.items() if key != "__comments__"}
    if isinstance(value, list):
        return [clean(one) for one in value]
    if isinstance(value, str) and len(value) > 1 and value[0] == value[-1] == '"':
        return value[1:-1]
    return value
