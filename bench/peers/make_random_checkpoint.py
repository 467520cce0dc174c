#!/usr/bin/env python3
"""Writes a Hugging Face checkpoint of random bf16 weights, for the peers that convert from it.

    make_random_checkpoint.py tinyllama-1.1b FOLDER [--layers 8]

config.json, model.safetensors and a tokenizer that knows every byte and else only filler words.
Standard library only.
"""

import argparse
import json
import pathlib
import struct
import sys

from make_random_gguf import SPECIAL_TOKENS, random_tile, repeated
from shapes import SHAPES, Shape

BF16_BYTES = 2
TENSOR_STRIDE = 1009  # values that the random numbers of one tensor begin after those of the last
BF16_ONE = struct.pack("<f", 1.0)[2:]


def tensor_shapes(shape: Shape) -> dict[str, list[int]]:
    """Name to [rows, columns], or [size] of a norm."""
    hidden, inner, kv = shape.hidden_size, shape.intermediate_size, shape.kv_size
    tensors = {"model.embed_tokens.weight": [shape.vocab_size, hidden]}
    for index in range(shape.num_hidden_layers):
        layer = {"input_layernorm": [hidden], "self_attn.q_proj": [hidden, hidden],
                 "self_attn.k_proj": [kv, hidden], "self_attn.v_proj": [kv, hidden],
                 "self_attn.o_proj": [hidden, hidden], "post_attention_layernorm": [hidden],
                 "mlp.gate_proj": [inner, hidden], "mlp.up_proj": [inner, hidden],
                 "mlp.down_proj": [hidden, inner]}
        tensors |= {f"model.layers.{index}.{name}.weight": size for name, size in layer.items()}
    tensors["model.norm.weight"] = [hidden]
    if not shape.tie_word_embeddings:
        tensors["lm_head.weight"] = [shape.vocab_size, hidden]
    return tensors


def write_safetensors(path: pathlib.Path, shape: Shape) -> None:
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    sizes, offset = {}, 0
    for name, dimensions in tensor_shapes(shape).items():
        sizes[name] = BF16_BYTES * dimensions[0] * (dimensions[1] if len(dimensions) == 2 else 1)
        header[name] = {"dtype": "BF16", "shape": dimensions,
                        "data_offsets": [offset, offset + sizes[name]]}
        offset += sizes[name]
    raw = json.dumps(header).encode()
    tile = random_tile("BF16")
    with path.open("wb") as out:
        out.write(struct.pack("<Q", len(raw)) + raw)
        for index, (name, size) in enumerate(sizes.items()):
            is_norm = len(header[name]["shape"]) == 1
            # Converters keep equal tensors once, and equal layers would be read from the cache.
            start = index * TENSOR_STRIDE * BF16_BYTES % len(tile)
            chunks = repeated(tile[start:] + tile[:start], size)
            out.writelines([BF16_ONE * (size // BF16_BYTES)] if is_norm else chunks)


def config(shape: Shape) -> dict[str, object]:
    return {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "dtype": "bfloat16",
            "num_hidden_layers": shape.num_hidden_layers, "hidden_size": shape.hidden_size,
            "intermediate_size": shape.intermediate_size, "head_dim": shape.head_dim,
            "num_attention_heads": shape.num_attention_heads,
            "num_key_value_heads": shape.num_key_value_heads, "vocab_size": shape.vocab_size,
            "max_position_embeddings": shape.max_position_embeddings, "rope_theta": shape.rope_theta,
            "rms_norm_eps": 1e-5, "hidden_act": "silu", "bos_token_id": 1, "eos_token_id": 2,
            "tie_word_embeddings": shape.tie_word_embeddings, "attention_bias": False, "mlp_bias": False}


def byte_characters() -> list[str]:
    """GPT-2's printable stand-in for each of the 256 bytes, which byte-level tokenizers are written in."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + index) for index in range(len(others))]


def tokenizer(shape: Shape) -> dict[str, object]:
    words = SPECIAL_TOKENS + byte_characters()
    words += [f"word{index}" for index in range(shape.vocab_size - len(words))]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    special = [{"id": index, "content": word, "single_word": False, "lstrip": False, "rstrip": False,
                "normalized": False, "special": True} for index, word in enumerate(SPECIAL_TOKENS)]
    model = {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None,
             "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False,
             "vocab": {word: index for index, word in enumerate(words)}, "merges": []}
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": special,
            "normalizer": None, "pre_tokenizer": byte_level, "post_processor": None,
            "decoder": byte_level, "model": model}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shape", choices=sorted(SHAPES))
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--layers", type=int, help="a shorter stack, for a quick look")
    options = parser.parse_args(arguments)
    shape = SHAPES[options.shape].with_layers(options.layers)
    options.folder.mkdir(parents=True, exist_ok=True)
    words = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    files = {"config.json": config(shape), "tokenizer.json": tokenizer(shape),
             "generation_config.json": {"bos_token_id": 1, "eos_token_id": 2},
             "special_tokens_map.json": words,
             "tokenizer_config.json": {"tokenizer_class": "PreTrainedTokenizerFast", **words,
                                       "model_max_length": shape.max_position_embeddings}}
    for name, content in files.items():
        (options.folder / name).write_text(json.dumps(content))
    write_safetensors(options.folder / "model.safetensors", shape)
    print(options.folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
