#!/usr/bin/env python3
"""Makes tests/golden/dequantize/goldens.json: blocks of every stored type and the values gguf-py reads from them.

Needs: pip install gguf==0.19.0 numpy
"""

import json
import pathlib
import struct

import gguf
import numpy as np
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

OUT = pathlib.Path(__file__).resolve().parent.parent.parent / "tests/golden/dequantize/goldens.json"
TYPES = ["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q4_K", "Q5_K", "Q6_K"]
BLOCKS = 3
# Where a block keeps its half-precision scales: random bits there would be infinities.
SCALES = {"Q8_0": [0], "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q4_K": [0, 2], "Q5_K": [0, 2],
          "Q6_K": [208]}


def make_blocks(noise: np.random.Generator, name: str) -> bytes:
    values, size = GGML_QUANT_SIZES[GGMLQuantizationType[name]]
    if name == "F32":
        return noise.normal(size=64).astype("<f4").tobytes()
    if name == "F16":
        return noise.normal(size=64).astype("<f2").tobytes()
    if name == "BF16":
        return (noise.normal(size=64).astype("<f4").view("<u4") >> 16).astype("<u2").tobytes()
    data = bytearray(noise.integers(0, 256, size * BLOCKS, dtype=np.uint8).tobytes())
    for block in range(BLOCKS):
        for offset in SCALES[name]:
            struct.pack_into("<e", data, block * size + offset, float(noise.normal() * 0.1))
    return bytes(data)


def main() -> None:
    noise = np.random.default_rng(20261124)
    golden = {"versions": {"gguf": "0.19.0", "numpy": np.__version__}, "types": {}}
    for name in TYPES:
        data = make_blocks(noise, name)
        values = gguf.quants.dequantize(np.frombuffer(data, dtype=np.uint8), GGMLQuantizationType[name])
        golden["types"][name] = {"bytes": data.hex(),
                                 "f32_bits": [int(bits) for bits in values.astype("<f4").view("<u4").ravel()]}
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(golden, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
