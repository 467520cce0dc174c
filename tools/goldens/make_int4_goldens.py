#!/usr/bin/env python3
"""Makes tests/golden/int4: one-layer checkpoints in the packings of AutoAWQ and AutoGPTQ, packed and read back by them.

Needs: pip install torch==2.13.0 transformers==5.5.4 safetensors==0.8.0 numpy==2.4.6, and unpacked on PYTHONPATH without
their dependencies: autoawq==0.2.9 (source package) and auto_gptq==0.7.1 (wheel).
The expected rows are what the libraries' own readers give in float32 (AutoGPTQ: the product with the identity).
"""

import importlib
import importlib.util
import json
import pathlib
import sys
import types

import numpy as np
import torch
import transformers.pytorch_utils  # noqa: F401  (AutoGPTQ asks for it by its full name)
from safetensors.torch import save_file

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
OUT = ROOT / "tests/golden/int4"
HIDDEN, FFN, HEADS, KV_HEADS, VOCABULARY = 128, 256, 4, 2, 16
PROJECTIONS = {
    "self_attn.q_proj": (HIDDEN, HIDDEN), "self_attn.k_proj": (HIDDEN // 2, HIDDEN),
    "self_attn.v_proj": (HIDDEN // 2, HIDDEN), "self_attn.o_proj": (HIDDEN, HIDDEN),
    "mlp.gate_proj": (FFN, HIDDEN), "mlp.up_proj": (FFN, HIDDEN), "mlp.down_proj": (HIDDEN, FFN),
}
ROWS = [0, 1, 2, 3, 4, 5, 6, 7, 13, 63]
CONFIG = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": HIDDEN, "intermediate_size": FFN,
    "num_hidden_layers": 1, "num_attention_heads": HEADS, "num_key_value_heads": KV_HEADS, "vocab_size": VOCABULARY,
    "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "tie_word_embeddings": True,
}


def without_init(package: str) -> None:
    """Lets single files of a package be imported although its __init__ asks for more than they need."""
    for name in (package.rsplit(".", count)[0] for count in range(package.count("."), -1, -1)):
        if name in sys.modules:
            continue
        top, _, rest = name.partition(".")
        origin = next(p for p in (pathlib.Path(base) / top for base in sys.path if base) if p.is_dir())
        module = types.ModuleType(name)
        module.__path__ = [str(origin.joinpath(*rest.split(".")) if rest else origin)]
        sys.modules[name] = module


def random_grid(rows: int, columns: int, group: int, zero_range: tuple[int, int]):
    """4-bit values, zeros and f16 scales: (weights [rows, columns], scales and zeros [rows, columns / group])."""
    values = torch.randint(0, 16, (rows, columns))
    scales = (torch.rand(rows, columns // group) * 0.05 + 0.001).half().float()
    zeros = torch.randint(*zero_range, (rows, columns // group))
    weights = (values - zeros.repeat_interleave(group, 1)) * scales.repeat_interleave(group, 1)
    return weights, scales, zeros


def pack_awq(weights, scales, zeros, group: int):
    without_init("awq.utils")
    without_init("awq.modules.linear")
    gemm = importlib.import_module("awq.modules.linear.gemm")
    packing = importlib.import_module("awq.utils.packing_utils")
    linear = torch.nn.Linear(weights.shape[1], weights.shape[0], bias=False)
    linear.weight.data = weights
    packed = gemm.WQLinear_GEMM.from_linear(linear, 4, group, scales=scales.t().contiguous(),
                                            zeros=zeros.t().contiguous())
    read = packing.dequantize_gemm(packed.qweight, packed.qzeros, packed.scales.float(), 4, group)
    return {"qweight": packed.qweight, "qzeros": packed.qzeros, "scales": packed.scales}, read.t()


def pack_gptq(weights, scales, zeros, group: int):
    without_init("auto_gptq.nn_modules.qlinear")
    old = importlib.import_module("auto_gptq.nn_modules.qlinear.qlinear_cuda_old")
    linear = torch.nn.Linear(weights.shape[1], weights.shape[0], bias=False)
    linear.weight.data = weights
    packed = old.QuantLinear(4, group, weights.shape[1], weights.shape[0], bias=True)
    packed.autogptq_cuda_available = False
    packed.pack(linear, scales.clone(), zeros.clone().to(torch.int32), None)
    read = packed(torch.eye(weights.shape[1]))
    # Its Llama checkpoints have biases of zeros, which the model has no use for.
    return {"qweight": packed.qweight, "qzeros": packed.qzeros, "scales": packed.scales.half(),
            "g_idx": packed.g_idx.to(torch.int32), "bias": torch.zeros(weights.shape[0]).half()}, read.t()


def pack_gptq_v2(weights, scales, zeros, group: int):
    """GPTQModel's second format differs in the stored zeros alone: by one in each nibble (its utils/model.py)."""
    tensors, read = pack_gptq(weights, scales, zeros, group)
    tensors["qzeros"] = torch.from_numpy((tensors["qzeros"].numpy().view(np.uint32) + np.uint32(0x11111111)).view(np.int32))
    return tensors, read


def make_case(name: str, pack, group: int, zero_range: tuple[int, int], quantization: dict) -> None:
    tensors = {"model.embed_tokens.weight": torch.randn(VOCABULARY, HIDDEN).half(),
               "model.norm.weight": torch.ones(HIDDEN).half()}
    prefix = "model.layers.0."
    for norm in ("input_layernorm", "post_attention_layernorm"):
        tensors[f"{prefix}{norm}.weight"] = torch.ones(HIDDEN).half()
    expected = {}
    for module, (rows, columns) in PROJECTIONS.items():
        weights, scales, zeros = random_grid(rows, columns, group, zero_range)
        packed, read = pack(weights, scales, zeros, group)
        assert torch.allclose(read.float(), weights, atol=1e-5), (name, module)
        for part, tensor in packed.items():
            tensors[f"{prefix}{module}.{part}"] = tensor.contiguous()
        expected[f"{prefix}{module}.weight"] = {
            str(row): [float(f"{value:.9g}") for value in read[row].tolist()] for row in ROWS}
    folder = OUT / name
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(CONFIG | {"quantization_config": quantization}, indent=1) + "\n")
    versions = {"torch": torch.__version__.split("+")[0], "autoawq": "0.2.9", "auto_gptq": "0.7.1"}
    (folder / "rows.json").write_text(json.dumps({"versions": versions, "rows": expected}, separators=(",", ":")) + "\n")


def main() -> None:
    torch.manual_seed(20261125)
    torch.set_grad_enabled(False)
    awq = {"quant_method": "awq", "bits": 4, "version": "gemm", "zero_point": True, "modules_to_not_convert": None}
    gptq = {"quant_method": "gptq", "bits": 4, "desc_act": False, "damp_percent": 0.1, "true_sequential": True}
    make_case("awq_32", pack_awq, 32, (0, 16), awq | {"group_size": 32})
    make_case("awq_128", pack_awq, 128, (0, 16), awq | {"group_size": 128})
    # A zero of 0 does not survive the packing of the first format (it stores one less, without a mask).
    make_case("gptq_symmetric_128", pack_gptq, 128, (8, 9), gptq | {"group_size": 128, "sym": True})
    make_case("gptq_64", pack_gptq, 64, (1, 16), gptq | {"group_size": 64, "sym": False})
    make_case("gptq_v2_32", pack_gptq_v2, 32, (1, 16),
              gptq | {"group_size": 32, "sym": False, "checkpoint_format": "gptq_v2"})


if __name__ == "__main__":
    main()
