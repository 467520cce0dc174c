#!/usr/bin/env python3
"""Turns the built chat page (a folder) into one C++ source that defines puna::page_assets().

Usage: embed_assets.py FOLDER OUTPUT.cc. The same files give the same bytes of source, whatever
their dates and owners. Standard library only.
"""

import gzip
import hashlib
import pathlib
import re
import sys

CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
# esbuild's [name]-[hash]: eight letters and digits before the suffix.
HASHED_NAME = re.compile(r"-[A-Z0-9]{8}\.[a-z0-9]+$")
BYTES_PER_LINE = 24


def c_string(data: bytes) -> str:
    """Bytes as adjacent string literals; three octal digits, so no digit after one can join it."""
    lines = [data[start:start + BYTES_PER_LINE] for start in range(0, len(data), BYTES_PER_LINE)]
    return "\n".join('    "' + "".join(f"\\{byte:03o}" for byte in line) + '"' for line in lines)


def asset_source(index: int, folder: pathlib.Path, path: pathlib.Path) -> tuple[str, str]:
    """(the definition of the bytes, the row of the table) of one file."""
    if path.suffix not in CONTENT_TYPES:
        sys.exit(f"error: {path}: no content type for {path.suffix}; add it to CONTENT_TYPES")
    body = path.read_bytes()
    packed = gzip.compress(body, compresslevel=9, mtime=0)
    etag = hashlib.sha256(body).hexdigest()[:16]
    immutable = "true" if HASHED_NAME.search(path.name) else "false"
    bytes_name = f"kGzip{index}"
    definition = f"constexpr char {bytes_name}[] =\n{c_string(packed)};\n"
    row = (f'    {{"/{path.relative_to(folder).as_posix()}", "{CONTENT_TYPES[path.suffix]}",\n'
           f'     {{{bytes_name}, {len(packed)}}}, "\\"{etag}\\"", {immutable}}},\n')
    return definition, row


def source_of(folder: pathlib.Path) -> str:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    if folder / "index.html" not in paths:
        sys.exit(f"error: {folder} has no index.html; build the page first (tools/build_web.sh)")
    assets = [asset_source(index, folder, path) for index, path in enumerate(paths)]
    return "".join([
        "// Made by tools/embed_assets.py from the built chat page; not to be edited.\n",
        '#include "api/page_assets.h"\n\nnamespace puna {\nnamespace {\n\n',
        *[definition for definition, _ in assets],
        "\nconstexpr PageAsset kAssets[] = {\n",
        *[row for _, row in assets],
        "};\n\n}  // namespace\n\n",
        "std::span<const PageAsset> page_assets() { return kAssets; }\n\n}  // namespace puna\n",
    ])


def main() -> int:
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    output = pathlib.Path(sys.argv[2])
    source = source_of(pathlib.Path(sys.argv[1]))
    output.parent.mkdir(parents=True, exist_ok=True)
    if not output.exists() or output.read_text() != source:
        output.write_text(source)
    return 0


if __name__ == "__main__":
    sys.exit(main())
