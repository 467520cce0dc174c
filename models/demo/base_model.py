# The demo's base model for torch: SmolLM2-135M-Instruct read from the GGUF file that
# `make fetch-models` brings, its 4-bit weights unpacked to bf16.

import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
GGUF_FOLDER = ROOT / "build" / "models"
GGUF_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
SYSTEM_PROMPT = (pathlib.Path(__file__).parent / "system_prompt.txt").read_text("utf-8").strip()


def load_base():
    """(model, tokenizer); weights in bf16, none of them trainable."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    tokenizer = AutoTokenizer.from_pretrained(GGUF_FOLDER, gguf_file=GGUF_FILE)
    model = AutoModelForCausalLM.from_pretrained(
        GGUF_FOLDER,
        gguf_file=GGUF_FILE,
        dtype=torch.bfloat16,
        quantization_config=GgufConfig(dequantize=True),
    )
    model.requires_grad_(False)
    return model, tokenizer


def opening_text():
    """ChatML up to the first question."""
    return f"<|im_start|>system\n{SYSTEM_PROMPT}<|im_end|>\n"


def question_text(question):
    """ChatML of one question, up to where the answer begins."""
    return f"<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n"


END_OF_ANSWER = "<|im_end|>\n"
