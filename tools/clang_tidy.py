#!/usr/bin/env python3
"""clang-tidy 19 over the program's own sources (tests follow the same names but are not analysed).

    tools/clang_tidy.py            every source file that git tracks or would
    tools/clang_tidy.py FILE...    only these

A file that passed is not analysed again until it, a header it includes, its compile command, .clang-tidy
or clang-tidy changes: build/tidy/ holds a mark per digest of all that. A clean clone has no marks.
Needs the release build: its compile commands, and ninja's list of the headers of each file. Files are read
without precompiled headers. Most of the time goes to headers, whose declarations every check walks through: several
files are read as one (unity_groups.py), but for files that are named, each of which stands alone.
"""

import concurrent.futures
import dataclasses
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

import unity_groups

ROOT = pathlib.Path(__file__).resolve().parent.parent
RELEASE = ROOT / "build/release"
MARKS = ROOT / "build/tidy"
PRECOMPILED = re.compile(r"(-Xclang )?-include(-pch)? (-Xclang )?(\"[^\"]*cmake_pch[^\"]*\"|\S*cmake_pch\S*)")
BATCH_LINES_MAX = 5000
# Of the compiler, not of a check: files that one translation unit cannot hold together.
DO_NOT_COMPILE = "[clang-diagnostic-error"
NOT_ANALYSED = re.compile(r"_(test|fuzz|bench)\.cc$")


def output_of(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def sources() -> list[str]:
    listed = output_of("git", "ls-files", "-co", "--exclude-standard", "src/*.cc").splitlines()
    return [path for path in listed if not NOT_ANALYSED.search(path) and (ROOT / path).exists()]


def write_commands() -> dict[str, str]:
    """The release build's compile commands without precompiled headers, by source; also as a file for clang-tidy."""
    entries = json.loads((RELEASE / "compile_commands.json").read_text())
    for entry in entries:
        entry["command"] = PRECOMPILED.sub("", entry["command"])
    MARKS.mkdir(parents=True, exist_ok=True)
    (MARKS / "compile_commands.json").write_text(json.dumps(entries))
    return {entry["file"]: entry["command"] for entry in entries}


def headers_by_source() -> dict[str, list[str]]:
    """The files that ninja saw each source include, the source itself among them."""
    headers = {}
    for block in output_of("ninja", "-C", str(RELEASE), "-t", "deps").split("\n\n"):
        lines = block.splitlines()[1:]
        paths = [str((RELEASE / line.strip()).resolve()) for line in lines if "cmake_pch" not in line]
        headers.update({path: paths for path in paths if path.endswith(".cc")})
    return headers


def digest_of(source: str, headers: list[str], command: str, fixed: bytes) -> str:
    """Of everything that the verdict on the source depends on."""
    digest = hashlib.sha256(fixed + command.encode())
    for path in sorted({str(ROOT / source), *headers}):
        digest.update(path.encode() + b"\0" + pathlib.Path(path).read_bytes())
    return digest.hexdigest()


@dataclasses.dataclass(frozen=True)
class Work:
    source: str
    command: str  # empty: not compiled by the release build
    mark: pathlib.Path | None

    @property
    def flags(self) -> str:
        """Of the compiler, without what names the file and its object."""
        return re.sub(r" -o \S+ -c .*", "", self.command)


def batches(work: list[Work]) -> list[list[Work]]:
    """Files that can be read as one: with one set of flags, and no names of their own in common."""
    found: list[list[Work]] = []
    alike: dict[str, list[Work]] = {}
    for one in work:
        alike.setdefault(one.flags, []).append(one)
    for members in alike.values():
        groups: dict[int, list[Work]] = {}
        numbers = unity_groups.group([(ROOT / one.source).read_text() for one in members], BATCH_LINES_MAX)
        for number, one in zip(numbers, members):
            groups.setdefault(number, []).append(one)
        found += groups.values()
    return sorted(found, key=len, reverse=True)  # long ones first: both cores end at the same time


def analyse(batch: list[Work]) -> bool:
    """Whether nothing is found in its files. What does not compile as one is analysed in halves."""
    command = ["clang-tidy-19", "--quiet", "--warnings-as-errors=*"]
    if len(batch) == 1:
        command += ["-p", str(MARKS), batch[0].source]
    else:
        name = hashlib.sha256("".join(one.source for one in batch).encode()).hexdigest()[:16]
        joined = MARKS / f"batch-{name}.cc"
        joined.write_text("".join(f'#include "{ROOT / one.source}"\n' for one in batch))
        command += ["--header-filter=src/.*\\.(h|cc)$", "--checks=-bugprone-suspicious-include", str(joined), "--",
                    *shlex.split(batch[0].flags)[1:]]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0 and DO_NOT_COMPILE in done.stdout and len(batch) > 1:
        middle = len(batch) // 2
        return all([analyse(batch[:middle]), analyse(batch[middle:])])
    if done.returncode != 0:
        print(f"{' '.join(one.source for one in batch)}:\n{done.stdout}", flush=True)
        return False
    for one in batch:
        if one.mark:
            one.mark.touch()
    return True


def main() -> int:
    chosen = sys.argv[1:] or sources()
    commands = write_commands()
    headers = headers_by_source()
    fixed = (ROOT / ".clang-tidy").read_bytes() + output_of("clang-tidy-19", "--version").encode()
    work = []
    for source in chosen:
        path = str(ROOT / source)
        mark = None
        if path in headers:
            mark = MARKS / digest_of(source, headers[path], commands.get(path, ""), fixed)
        if mark is None or not mark.exists():
            work.append(Work(source, commands.get(path, ""), mark))
    joined = [[one] for one in work] if sys.argv[1:] else batches(work)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(analyse, joined))
    print(f"{len(chosen)} files, {len(chosen) - len(work)} unchanged since they passed, "
          f"{results.count(False)} groups with findings")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
