#!/usr/bin/env python3
"""clang-tidy 19 over the program's own sources (tests follow the same names but are not analysed).

    tools/clang_tidy.py            every source file that git tracks or would
    tools/clang_tidy.py FILE...    only these

A file that passed is not analysed again until it, a header it includes, its compile command, .clang-tidy
or clang-tidy changes: build/tidy/ holds a mark per digest of all that. A clean clone has no marks.
Needs the release build: its compile commands, and ninja's list of the headers of each file. Files are read
without precompiled headers, so one that doesn't include what it uses is an error.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
RELEASE = ROOT / "build/release"
MARKS = ROOT / "build/tidy"
PRECOMPILED = re.compile(r"(-Xclang )?-include(-pch)? (-Xclang )?\S*cmake_pch\S*")
NOT_ANALYSED = re.compile(r"_(test|fuzz|bench)\.cc$")


def output_of(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def sources() -> list[str]:
    listed = output_of("git", "ls-files", "-co", "--exclude-standard", "src/*.cc").split()
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


def analyse(source: str, mark: pathlib.Path | None) -> bool:
    done = subprocess.run(["clang-tidy-19", "-p", str(MARKS), "--quiet", "--warnings-as-errors=*", source],
                          cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        print(f"{source}:\n{done.stdout}", flush=True)
    elif mark:
        mark.touch()
    return done.returncode == 0


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
            work.append((source, mark))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(lambda item: analyse(*item), work))
    print(f"{len(chosen)} files, {len(chosen) - len(work)} unchanged since they passed, "
          f"{results.count(False)} with findings")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
