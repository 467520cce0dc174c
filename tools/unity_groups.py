#!/usr/bin/env python3
"""Which sources may be compiled as one (cmake/puna_module.cmake, tools/clang_tidy.py).

    tools/unity_groups.py SOURCE…      prints a group's number for each source

Sources include the same headers, so a few of them in one translation unit cost little more than one. What keeps them
apart is names: two files may each have a `parse` in their anonymous namespaces. Here no source joins another that has
any word which the one defines for itself, so whoever adds a file has nothing to think of.
"""

import pathlib
import re
import sys
from collections.abc import Iterable, Sequence

LINES_MAX = 2400  # of a group: enough that headers cost little, and several groups for several cores
# Texts and comments hold words, but not names.
NOT_CODE = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:[^"\\\n]|\\.)*"', re.DOTALL)
ANONYMOUS = re.compile(r"^namespace \{\n(.*?)^\}  // namespace$|^namespace \{$(.*?)^\}$", re.DOTALL | re.MULTILINE)
TYPE = re.compile(r"(?:class|struct|union|enum(?: class| struct)?)\s+(?:\[\[\w+\]\]\s+)?(\w+)")
TEST = re.compile(r"^(?:TYPED_)?TEST(?:_[FP])?\((\w+),\s*(\w+)\)", re.MULTILINE)


def code_of(text: str) -> str:
    return NOT_CODE.sub(" ", text)


def own_names(text: str) -> set[str]:
    """What a source defines for itself: its anonymous namespaces, static functions, macros and test cases."""
    bare = re.sub(r"//[^\n]*", lambda one: one[0] if one[0] == "// namespace" else "", text)
    names = set(re.findall(r"^#define (\w+)", bare, re.MULTILINE))
    names |= {f"{suite}_{name}_Test" for suite, name in TEST.findall(bare)}
    inside = "\n".join(first or second for first, second in ANONYMOUS.findall(bare))
    own = [*inside.splitlines(), *re.findall(r"^static .*", bare, re.MULTILINE)]
    # Formatted code begins at column 0 whatever belongs to a namespace itself.
    return names | {name for line in own if re.match(r"[A-Za-z_]", line) and (name := defined_name(line))}


def defined_name(line: str) -> str:
    """The name that a line at column 0 defines; empty when it defines none."""
    if re.match(r"using [\w:]+;|(?:using namespace|namespace|template|TEST|TEST_F|TEST_P|TYPED_TEST)\b", line):
        return ""
    if found := TYPE.match(line):
        return found[1]
    while (shorter := re.sub(r"<[^<>]*>", "", line)) != line:
        line = shorter
    words = re.findall(r"[A-Za-z_]\w*", re.split(r"[(={\[;]", line)[0])
    return words[-1] if words and "operator" not in words else ""


def words_of(text: str) -> set[str]:
    return set(re.findall(r"[A-Za-z_]\w*", code_of(text))) | {
        f"{suite}_{name}_Test" for suite, name in TEST.findall(text)}


def group(texts: Sequence[str], lines_max: int = LINES_MAX) -> list[int]:
    """The number of each text's group: the first one that has room and no word in common that matters."""
    groups: list[tuple[set[str], set[str], int]] = []  # own names, words, lines
    numbers = []
    for text in texts:
        own, words, lines = own_names(text), words_of(text), text.count("\n")
        for number, (group_own, group_words, group_lines) in enumerate(groups):
            if group_lines + lines <= lines_max and not own & group_words and not group_own & words:
                groups[number] = (group_own | own, group_words | words, group_lines + lines)
                break
        else:
            number = len(groups)
            groups.append((own, words, lines))
        numbers.append(number)
    return numbers


def main(paths: Iterable[str]) -> int:
    print(";".join(str(number) for number in group([pathlib.Path(path).read_text() for path in paths])))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
