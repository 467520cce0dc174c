"""What to test after a change: a pure function from names of files to layers, test programs and files for clang-tidy.

It chooses what most likely fails, and answers in two minutes; `make test` is what proves a change. Test programs are
those of the changed modules and of the modules that may include them (src/layers.txt), but for `app`, which may
include everything: the binary is always built.
"""

import dataclasses
import pathlib
import re
import subprocess
from collections.abc import Iterable, Mapping

# Whole layers, by where a change has to be.
LAYERS = {
    "web": ("web/",),
    "http": ("src/api/", "src/http/", "src/generate/", "src/engine/", "src/app/serve", "tests/http/"),
    "hub": ("src/hub/", "src/app/pull", "tests/hub/"),
    "terminal": ("src/app/", "src/terminal/", "tests/terminal/"),
    "install": ("cmake/install.cmake", "src/app/options", "src/app/completion", "tests/install/"),
    "browser": ("web/src/", "tests/browser/"),
    "cluster": ("python/", "tests/cluster/"),
    "kubernetes": ("deploy/kubernetes/", "tests/kubernetes/"),
    "images": ("deploy/docker/", "tests/images/"),
    "terraform": ("deploy/terraform/", "python/puna/ground/", "tests/terraform/"),
    "tutorial": ("docs/tutorial.md", "tests/tutorial/"),
    "bench": ("bench/peers/", "tests/bench/"),
    "demo": ("models/demo/", "tests/demo/"),
}
# Layers that run the binary.
RUNS_BINARY = {"http", "hub", "terminal", "browser", "cluster", "kubernetes", "bench"}
# They decide how everything is compiled.
BUILD_FILES = re.compile(r"(^|/)CMakeLists\.txt$|^CMakePresets\.json$|^cmake/")
# Programs of tests/CMakeLists.txt, which cross modules, by where a change has to be.
CROSSING = {
    "llama_golden_test": ("src/tokenizer/", "src/jinja/", "src/model/", "src/backend/cpu/", "tests/golden/",
                          "tests/CMakeLists.txt"),
    "emitted_llama_test": ("src/model/", "src/stablehlo/", "tests/golden/", "tests/CMakeLists.txt"),
    "pjrt_backend_test": ("src/model/", "src/stablehlo/", "src/backend/", "tests/pjrt/", "tests/golden/",
                          "tests/CMakeLists.txt"),
    "pjrt_client_test": ("src/stablehlo/", "src/backend/pjrt/", "tests/pjrt/", "tests/CMakeLists.txt"),
}


@dataclasses.dataclass(frozen=True)
class Selection:
    layers: frozenset[str]
    programs: tuple[str, ...]  # CMake targets: …_test, …_fuzz
    builds_binary: bool
    tidy: tuple[str, ...]  # sources


@dataclasses.dataclass(frozen=True)
class Tree:
    """What is known of the sources."""

    arrows: Mapping[str, list[str]]  # src/layers.txt
    programs: Mapping[str, list[str]]  # by folder below src
    files: frozenset[str]


def read_tree(root: pathlib.Path, arrows: Mapping[str, list[str]], files: Iterable[str]) -> Tree:
    return Tree(arrows, read_programs(root), frozenset(files))


def read_programs(root: pathlib.Path) -> dict[str, list[str]]:
    return {str(path.parent.relative_to(root / "src")): programs_of(path.read_text())
            for path in (root / "src").rglob("CMakeLists.txt")}


def programs_of(cmake: str) -> list[str]:
    """The test programs and fuzz targets of a CMakeLists.txt, by the rules of puna_module()."""
    found = []
    for name, arguments in re.findall(r"^puna_module\((\S+)(.*?)\)", cmake, re.DOTALL | re.MULTILINE):
        if re.search(r"\bTESTS\b", arguments):
            found.append(name.replace("/", "_") + "_test")
        found += re.findall(r"(\w+_fuzz)\.cc", arguments)
    return found


def module_of(path: str, arrows: Mapping[str, list[str]]) -> str:
    """The longest module that holds a file of src; empty when none does."""
    fitting = [name for name in arrows if path.startswith(f"src/{name}/")]
    return max(fitting, key=len, default="")


def users_of(module: str, arrows: Mapping[str, list[str]]) -> set[str]:
    """The modules that may include it, or a header of it."""
    return {user for user, allowed in arrows.items()
            if any(one == module or one.startswith(f"{module}/") and one.endswith(".h") for one in allowed)}


def programs_for(module: str, programs: Mapping[str, list[str]]) -> list[str]:
    """A module without programs of its own is tested by those of the folder above."""
    while module and not programs.get(module):
        module = module.rpartition("/")[0]
    return programs.get(module, [])


def select(changed: Iterable[str], tree: Tree) -> Selection:
    changed = sorted(changed)
    modules = {module for path in changed if (module := module_of(path, tree.arrows))}
    if any(BUILD_FILES.search(path) for path in changed):
        modules = set(tree.arrows)
    tested = modules.union(*(users_of(module, tree.arrows) for module in modules))
    programs = {program for module in tested for program in programs_for(module, tree.programs)}
    programs |= {program for program, paths in CROSSING.items() if any(path.startswith(paths) for path in changed)}
    layers = {layer for layer, paths in LAYERS.items() if any(path.startswith(paths) for path in changed)}
    return Selection(frozenset(layers), tuple(sorted(programs)),
                     bool(modules or layers & RUNS_BINARY), tuple(tidy_sources(changed, tree.files)))


def tidy_sources(changed: Iterable[str], files: frozenset[str]) -> list[str]:
    """Changed sources, and for a changed header the source of the same name."""
    sources = {re.sub(r"\.h$", ".cc", path) for path in changed if re.match(r"src/.*\.(cc|h)$", path)}
    return sorted(path for path in sources if path in files and not re.search(r"_(test|fuzz|bench)\.cc$", path))


def changed_files(root: pathlib.Path) -> list[str]:
    """Since the branch left main; on main itself, the last commit. The working tree with new files counts too."""
    def git(*arguments: str) -> list[str]:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True)
        return done.stdout.split("\0") if done.returncode == 0 else []

    def commit(*arguments: str) -> str:
        return "".join(git(*arguments)).strip()

    head, base = commit("rev-parse", "HEAD"), commit("merge-base", "HEAD", "main")
    on_main = commit("rev-parse", "--abbrev-ref", "HEAD") == "main" or not base
    if on_main:
        base = commit("rev-parse", "--verify", "--quiet", "HEAD~1") or head
    names = [*git("diff", "--name-only", "-z", base), *git("ls-files", "-z", "--others", "--exclude-standard")]
    return sorted({name for name in names if name})
