#!/usr/bin/env python3
"""Writes a GGUF file of random weights in the shape of a known model, for measuring speed.

    make_random_gguf.py llama-2-7b Q4_0 out.gguf [--layers 8]

The blocks are valid and the scales such that activations neither vanish nor overflow; the tokenizer
has the right number of tokens, bytes among them, and no more sense. Which tensor gets which type is
what llama-quantize chooses for Q4_0 and Q8_0 (the head of Q4_0 is Q6_K). Standard library only.
"""

import argparse
import dataclasses
import pathlib
import random
import struct
import sys
from collections.abc import Iterable

from gguf_writer import Tensor, Uint32, write_gguf
from shapes import SHAPES, Shape

# Blocks in the random tile that every tensor of a type repeats. A prime, so that rows of a matrix
# start at different places of it.
TILE_BLOCKS = 65537
BYTE_TOKENS = 256
SPECIAL_TOKENS = ["<unk>", "<s>", "</s>"]
TOKEN_NORMAL, TOKEN_UNKNOWN, TOKEN_CONTROL, TOKEN_BYTE = 1, 2, 3, 6
RANDOM_SEED = 20260915


@dataclasses.dataclass(frozen=True)
class WeightType:
    """A GGUF tensor type: its number, the weights in a block, and a block's bytes."""

    number: int
    block_weights: int
    block_bytes: int


WEIGHT_TYPES = {
    "F32": WeightType(0, 1, 4),
    "Q4_0": WeightType(2, 32, 18),
    "Q8_0": WeightType(8, 32, 34),
    "Q6_K": WeightType(14, 256, 210),
    "BF16": WeightType(30, 1, 2),
}


def random_block(kind: str, source: random.Random) -> bytes:
    """One valid block whose weights have a standard deviation of about 0.02."""
    scale = source.uniform(0.9, 1.1)
    match kind:
        case "Q4_0":
            return struct.pack("<e", 0.0043 * scale) + source.randbytes(16)
        case "Q8_0":
            return struct.pack("<e", 0.00027 * scale) + source.randbytes(32)
        case "Q6_K":
            scales = struct.pack("<16b", *(source.randrange(24, 41) for _ in range(16)))
            return source.randbytes(192) + scales + struct.pack("<e", 0.000034 * scale)
        case "BF16":
            return struct.pack("<f", source.gauss(0, 0.02))[2:]
    raise ValueError(f"no random blocks of {kind}")


def random_tile(kind: str) -> bytes:
    source = random.Random(f"{RANDOM_SEED} {kind}")
    return b"".join(random_block(kind, source) for _ in range(TILE_BLOCKS))


def repeated(tile: bytes, size: int) -> Iterable[bytes]:
    for _ in range(size // len(tile)):
        yield tile
    yield tile[:size % len(tile)]


def row_types(quantization: str, shape: Shape) -> dict[str, str]:
    """The types of embedding, head and layers, as llama-quantize chooses them."""
    fits_k_blocks = shape.hidden_size % WEIGHT_TYPES["Q6_K"].block_weights == 0
    head = quantization if quantization != "Q4_0" else "Q6_K" if fits_k_blocks else "Q8_0"
    embedding = head if shape.tie_word_embeddings else quantization
    return {"embedding": embedding, "head": head, "layer": quantization}


def make_tensors(shape: Shape, quantization: str) -> list[Tensor]:
    types = row_types(quantization, shape)
    tiles = {kind: random_tile(kind) for kind in set(types.values())}

    def matrix(name: str, columns: int, rows: int, kind: str) -> Tensor:
        block = WEIGHT_TYPES[kind]
        if columns % block.block_weights:
            raise ValueError(f"{name}: {columns} columns are no multiple of {block.block_weights}")
        size = columns // block.block_weights * block.block_bytes * rows
        return Tensor(name, [columns, rows], block.number, size, lambda: repeated(tiles[kind], size))

    def norm(name: str) -> Tensor:
        ones = struct.pack("<f", 1.0) * shape.hidden_size
        return Tensor(name, [shape.hidden_size], WEIGHT_TYPES["F32"].number, len(ones), lambda: [ones])

    hidden, inner, kv = shape.hidden_size, shape.intermediate_size, shape.kv_size
    tensors = [matrix("token_embd.weight", hidden, shape.vocab_size, types["embedding"])]
    for index in range(shape.num_hidden_layers):
        tensors += [norm(f"blk.{index}.{name}.weight") for name in ("attn_norm", "ffn_norm")]
        tensors += [matrix(f"blk.{index}.{name}.weight", columns, rows, types["layer"])
                    for name, columns, rows in [
                        ("attn_q", hidden, hidden), ("attn_k", hidden, kv), ("attn_v", hidden, kv),
                        ("attn_output", hidden, hidden), ("ffn_gate", hidden, inner),
                        ("ffn_up", hidden, inner), ("ffn_down", inner, hidden)]]
    tensors.append(norm("output_norm.weight"))
    if not shape.tie_word_embeddings:
        tensors.append(matrix("output.weight", hidden, shape.vocab_size, types["head"]))
    return tensors


def make_metadata(shape: Shape) -> dict[str, object]:
    filler = shape.vocab_size - len(SPECIAL_TOKENS) - BYTE_TOKENS
    tokens = SPECIAL_TOKENS + [f"<0x{value:02X}>" for value in range(BYTE_TOKENS)]
    tokens += [f"word{index}" for index in range(filler)]
    kinds = [TOKEN_UNKNOWN, TOKEN_CONTROL, TOKEN_CONTROL]
    kinds += [TOKEN_BYTE] * BYTE_TOKENS + [TOKEN_NORMAL] * filler
    scores = [0.0] * (len(tokens) - filler) + [-float(index) for index in range(filler)]
    return {
        "general.architecture": "llama",
        "general.name": f"random weights of the shape {shape.label()}",
        "llama.context_length": Uint32(shape.max_position_embeddings),
        "llama.embedding_length": Uint32(shape.hidden_size),
        "llama.block_count": Uint32(shape.num_hidden_layers),
        "llama.feed_forward_length": Uint32(shape.intermediate_size),
        "llama.attention.head_count": Uint32(shape.num_attention_heads),
        "llama.attention.head_count_kv": Uint32(shape.num_key_value_heads),
        "llama.attention.layer_norm_rms_epsilon": 1e-5,
        "llama.rope.dimension_count": Uint32(shape.head_dim),
        "llama.rope.freq_base": shape.rope_theta,
        "llama.vocab_size": Uint32(shape.vocab_size),
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": list(tokens),
        "tokenizer.ggml.scores": scores,
        "tokenizer.ggml.token_type": kinds,
        "tokenizer.ggml.bos_token_id": Uint32(1),
        "tokenizer.ggml.eos_token_id": Uint32(2),
        "tokenizer.ggml.unknown_token_id": Uint32(0),
        "tokenizer.ggml.add_bos_token": True,
    }


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shape", choices=sorted(SHAPES))
    parser.add_argument("quantization", choices=["Q4_0", "Q8_0", "BF16"])
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--layers", type=int, help="a shorter stack, for a quick look")
    options = parser.parse_args(arguments)
    shape = SHAPES[options.shape].with_layers(options.layers)
    part = options.out.with_suffix(".part")
    with part.open("wb") as out:
        write_gguf(out, make_metadata(shape), make_tensors(shape, options.quantization))
    part.rename(options.out)
    print(f"{options.out}: {options.out.stat().st_size / 1e9:.3f} GB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
