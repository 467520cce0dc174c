"""Small checkpoints for tests that need many heads: those of tests/golden/llama with their hidden size of 64 cut otherwise."""

import json
import pathlib
import shutil

GOLDEN = pathlib.Path(__file__).resolve().parent / "llama"


def with_heads(folder: pathlib.Path, heads: int, name: str = "multi_head") -> pathlib.Path:
    """A copy with so many heads of 64 / heads and, as their matrices are what they are, as many times more KV heads; with a
    tokenizer."""
    shutil.copytree(GOLDEN / name, folder)
    for file in ("tokenizer.model", "tokenizer_config.json"):
        shutil.copy(GOLDEN / "multi_head" / file, folder)
    config = json.loads((folder / "config.json").read_text())
    kv_heads = config["num_key_value_heads"] * heads // config["num_attention_heads"]
    config |= {"num_attention_heads": heads, "num_key_value_heads": kv_heads, "head_dim": 64 // heads}
    (folder / "config.json").write_text(json.dumps(config))
    return folder
