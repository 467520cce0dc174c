"""Writes a GGUF version 3 file, tensor by tensor, without holding it in memory.

Only what a llama.cpp-compatible engine needs to load a Llama of random weights: scalar and array
metadata, and tensors whose bytes come from a function.
"""

import struct
from collections.abc import Callable, Iterable
from typing import BinaryIO

MAGIC = b"GGUF"
VERSION = 3
ALIGNMENT = 32
UINT32, INT32, FLOAT32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9


class Uint32(int):
    """An integer that the file holds as uint32 (plain integers are int32)."""


def encode_string(text: str) -> bytes:
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def encode_value(value: object) -> tuple[int, bytes]:
    """(GGUF type, bytes) of one metadata value."""
    match value:
        case bool():
            return BOOL, struct.pack("<?", value)
        case Uint32():
            return UINT32, struct.pack("<I", value)
        case int():
            return INT32, struct.pack("<i", value)
        case float():
            return FLOAT32, struct.pack("<f", value)
        case str():
            return STRING, encode_string(value)
        case list():
            items = [encode_value(item) for item in value]
            if len({kind for kind, _ in items}) != 1:
                raise ValueError("a GGUF array holds values of one type, and at least one")
            head = struct.pack("<IQ", items[0][0], len(items))
            return ARRAY, head + b"".join(raw for _, raw in items)
    raise TypeError(f"no GGUF type for {type(value).__name__}")


class Tensor:
    """Name, shape (fastest dimension first, as GGUF has it), type number, and a source of bytes."""

    def __init__(self, name: str, shape: list[int], type_number: int, size: int,
                 chunks: Callable[[], Iterable[bytes]]):
        self.name, self.shape, self.type_number = name, shape, type_number
        self.size, self.chunks = size, chunks


def padded(size: int) -> int:
    return (size + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT


def write_gguf(out: BinaryIO, metadata: dict[str, object], tensors: list[Tensor]) -> None:
    head = [MAGIC, struct.pack("<IQQ", VERSION, len(tensors), len(metadata))]
    for key, value in metadata.items():
        kind, raw = encode_value(value)
        head += [encode_string(key), struct.pack("<I", kind), raw]
    offset = 0
    for tensor in tensors:
        head += [encode_string(tensor.name), struct.pack("<I", len(tensor.shape))]
        head += [struct.pack("<Q", size) for size in tensor.shape]
        head += [struct.pack("<IQ", tensor.type_number, offset)]
        offset += padded(tensor.size)
    start = b"".join(head)
    out.write(start.ljust(padded(len(start)), b"\0"))
    for tensor in tensors:
        written = sum(out.write(chunk) for chunk in tensor.chunks())
        if written != tensor.size:
            raise ValueError(f"{tensor.name}: {written} bytes written, {tensor.size} declared")
        out.write(bytes(padded(written) - written))
