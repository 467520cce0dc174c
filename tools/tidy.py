#!/usr/bin/env python3
"""Project rules as a test: arrows of src/layers.txt, sizes, header intros, banned words.

Prints one line per violation and exits with 1 if there is any. Standard library only.
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LINES_MAX = 400
# clang-format holds C++ to 100 columns, but for texts that cannot be broken.
COLUMNS_MAX = 135
FUNCTION_LINES_MAX = 70
CODE_SUFFIXES = {".h", ".cc", ".py", ".ts", ".tsx", ".mjs", ".sh"}
CXX_SUFFIXES = {".h", ".cc"}
# One file per third-party library: (include pattern, files that may have it).
LIBRARY_HOMES = [
    (r"<spdlog/", ["src/base/log.cc"]),
    (r"<xxhash", ["src/base/checksum*.cc"]),
    (r"<nlohmann/", ["src/base/json.h"]),
    (r"<curl/", ["src/hub/*.cc", "src/app/http_client.cc", "src/load/transfers.cc"]),
    (r"<histedit", ["src/terminal/line_editor.cc"]),
    (r"<pcre2", ["src/tokenizer/*.cc", "src/model/module_patterns.cc"]),
    (r"<sentencepiece", ["src/tokenizer/sentencepiece_tokenizer*.cc"]),
    (r"<CLI/", ["src/app/options*"]),
    (r"<prometheus/", ["src/api/metrics*.cc"]),
    (r"<boost/", ["src/http/*"]),
]
# Headers that builds precompile, and what shows that a file uses one: without it, a build that precompiles
# nothing would fail. Through headers of this project is as good.
PRECOMPILED = {
    "algorithm": r"\bstd::(?:sort|stable_sort|min|max|clamp|min_element|max_element|find_if|any_of|all_of|none_of|fill_n?|"
                 r"copy_n?|transform|reverse|lower_bound|upper_bound|nth_element|partial_sort|unique|equal|count_if)\(",
    "filesystem": r"\bstd::filesystem::",
    "functional": r"\bstd::(?:function<|hash<|reference_wrapper<|c?ref\()",
    "memory": r"\bstd::(?:unique_ptr|shared_ptr|weak_ptr|make_unique|make_shared)\b",
    "string": r"\bstd::(?:string|to_string|getline)\b",
    "vector": r"\bstd::vector\b",
    "fmt/format.h": r"\bfmt::format\(",
    "nlohmann/json.hpp": r"\bnlohmann::",
    "gtest/gtest.h": r"^(?:TEST|TEST_F|TEST_P)\(",
    "gmock/gmock.h": r"\b(?:EXPECT|ASSERT)_THAT\(",
}
BANNED = [
    (r"\bstd::format\b", "use fmt::format (libstdc++ 12 has no <format>)"),
    (r"\bstd::expected\b", "use Result<T> of base/status.h"),
    (r"\bstd::regex\b", "recursive and slow; use PCRE2 or plain code"),
    (r"TODO(?!\(#\d+\))", "write TODO(#issue): …"),
]


def project_files() -> list[pathlib.Path]:
    """Tracked and new files that are not ignored and still exist."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    return [ROOT / name for name in sorted(set(listed)) if (ROOT / name).is_file()]


def read_layers() -> dict[str, list[str]]:
    layers = {}
    for line in (ROOT / "src/layers.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            module, _, allowed = line.partition(":")
            layers[module] = allowed.split()
    return layers


def module_of(path: str, layers: dict[str, list[str]]) -> str | None:
    """The longest module name that is a folder of `path` (relative to src)."""
    fitting = [name for name in layers if path.startswith(name + "/")]
    return max(fitting, key=len, default=None)


def arrow_violation(path: str, include: str, layers: dict[str, list[str]]) -> str | None:
    """Why `path` may not include `include`, both relative to src; None when it may."""
    source, target = module_of(path, layers), module_of(include, layers)
    if source is None:
        return f"is in no module of src/layers.txt"
    if target is None or source == target:
        return None
    allowed = layers[source]
    if "*" in allowed or target in allowed or include in allowed:
        return None
    is_fake = target == "backend/fake" or include == "tokenizer/byte_tokenizer.h"
    if is_fake and re.search(r"(_(test|bench|fuzz)|/test_\w+)\.cc$", path):
        return None
    if path == "backend/open_backend.cc":
        return None if target.startswith("backend/") else f"may not include {include}"
    return f"may not include {include} (src/layers.txt allows {source}: {' '.join(allowed)})"


def check_includes(relative: str, text: str, layers: dict[str, list[str]]) -> list[str]:
    problems = []
    for include in re.findall(r'^#include "([^"]+)"', text, re.MULTILINE):
        reason = arrow_violation(relative.removeprefix("src/"), include, layers)
        if reason:
            problems.append(reason)
    for pattern, homes in LIBRARY_HOMES:
        if re.search(r"^#include " + pattern, text, re.MULTILINE):
            if not any(pathlib.PurePath(relative).match(home) for home in homes):
                problems.append(f"includes {pattern.strip('<')}: only {', '.join(homes)} may")
    return problems


def headers_of(path: pathlib.Path, seen: dict[pathlib.Path, set[str]]) -> set[str]:
    """What a file includes in angles, by itself or through headers of src."""
    if path not in seen:
        text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
        seen[path] = set(re.findall(r"^#include <([^>]+)>", text, re.MULTILINE))
        for include in re.findall(r'^#include "([^"]+)"', text, re.MULTILINE):
            seen[path] |= headers_of(ROOT / "src" / include, seen)
    return seen[path]


def check_precompiled(path: pathlib.Path, text: str, seen: dict[pathlib.Path, set[str]]) -> list[str]:
    missing = PRECOMPILED.keys() - headers_of(path, seen)
    code = re.sub(r'//[^\n]*|"(?:[^"\\\n]|\\.)*"', "", text)
    return [f"uses {found[0]} without #include <{header}>" for header in sorted(missing)
            if (found := re.search(PRECOMPILED[header], code, re.MULTILINE))]


def check_intro(path: pathlib.Path, lines: list[str]) -> list[str]:
    first = next((line for line in lines if not line.startswith("#!")), "")
    starts = {".py": ('"""', "#"), ".sh": ("#",)}.get(path.suffix, ("//", "/*"))
    if first.lstrip().startswith(starts):
        return []
    return ["has no header intro: the first line says what the file is"]


def check_banned(text: str) -> list[str]:
    return [f"has {match.group(0)}: {advice}" for pattern, advice in BANNED
            for match in [re.search(pattern, text)] if match]


# g++ 12 miscompiles these inside co_await (ADR 2): braces or ?: in the awaited expression.
COROUTINE_FORMS = [
    (r"co_await[^;]*[(,]\s*(?:[A-Z]\w*)?\{\s*[^}\s]", "an aggregate or initializer list"),
    (r"co_await[^;\[]*\?[^;]*:[^:;][^;]*;", "?:"),
    (r"(?:&&|\|\|)\s*!?co_await", "&& or || before it"),
]


def check_coroutines(text: str) -> list[str]:
    code = re.sub(r'//[^\n]*|"(?:[^"\\\n]|\\.)*"', "", text)
    return [f"has {what} in a co_await expression, which g++ 12 miscompiles: name it first"
            for pattern, what in COROUTINE_FORMS if re.search(pattern, code)]


def check_functions(lines: list[str]) -> list[str]:
    """Functions of clang-formatted code begin at column 0 and end at the next '}' of column 0."""
    problems, start = [], None
    for number, line in enumerate(lines, 1):
        if re.match(r"^[A-Za-z].*\{$", line) and not re.match(
                r"^(namespace|class|struct|enum|extern|union|const|constexpr|inline const)", line):
            start = number
        elif line.startswith("}") and start is not None:
            if number - start > FUNCTION_LINES_MAX:
                problems.append(f"line {start}: a function of {number - start} lines, "
                                f"at most {FUNCTION_LINES_MAX}")
            start = None
    return problems


def check_file(path: pathlib.Path, layers: dict[str, list[str]], seen: dict[pathlib.Path, set[str]]) -> list[str]:
    relative = path.relative_to(ROOT).as_posix()
    text = path.read_text(encoding="utf-8", errors="replace")
    lines = text.splitlines()
    problems = check_intro(path, lines)
    if len(lines) > LINES_MAX:
        problems.append(f"has {len(lines)} lines, at most {LINES_MAX}: split it by subject")
    for number, line in enumerate(lines, 1):
        if len(line) > COLUMNS_MAX and "http" not in line:
            problems.append(f"line {number} has {len(line)} columns, at most {COLUMNS_MAX}")
    if path.suffix in CXX_SUFFIXES and relative.startswith("src/"):
        problems += check_includes(relative, text, layers)
        problems += check_functions(lines)
        problems += check_coroutines(text)
        problems += check_precompiled(path, text, seen)
    if relative != "tools/tidy.py":
        problems += check_banned(text)
    return [f"{relative}: {problem}" for problem in problems]


def main() -> int:
    layers = read_layers()
    files = [path for path in project_files() if path.suffix in CODE_SUFFIXES]
    seen: dict[pathlib.Path, set[str]] = {}
    problems = [problem for path in files for problem in check_file(path, layers, seen)]
    print("\n".join(problems) if problems else f"tidy: {len(files)} files follow the rules")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
