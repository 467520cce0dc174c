#!/usr/bin/env python3
"""Makes tests/golden/llama: small Llama checkpoints from seeds, and what Hugging Face computes with them.

Run rarely, by hand, where torch, transformers, tokenizers, gguf and sentencepiece are installed:
    make fetch-models && python3 tools/goldens/make_llama_goldens.py
The versions used are written into the files. All numbers are float32 on the CPU, one sequence at a
time, so they are independent of batching.
"""

import json
import pathlib
import random
import shutil

import numpy
import sentencepiece
import torch
import transformers
from gguf import GGUFReader
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
OUT = ROOT / "tests/golden/llama"
GGUF = ROOT / "build/models/SmolLM2-135M-Instruct.Q4_1.gguf"
VERSIONS = {"torch": torch.__version__, "transformers": transformers.__version__}
VOCABULARY = 384

# name: (config changes, stored type, seed). Together they cover what a Llama may look like.
SMALL = {
    "multi_head": ({}, torch.float32, 1),
    "grouped_query_tied": ({"num_key_value_heads": 2, "tie_word_embeddings": True}, torch.bfloat16, 2),
    "multi_query_biases_head_24": (
        {"num_key_value_heads": 1, "head_dim": 24, "attention_bias": True, "mlp_bias": True},
        torch.float16, 3),
    "rope_linear": ({"rope_scaling": {"rope_type": "linear", "factor": 4.0}}, torch.bfloat16, 4),
    "rope_llama3": (
        {"rope_theta": 500000.0, "num_key_value_heads": 2,
         "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
                          "high_freq_factor": 4.0, "original_max_position_embeddings": 64}},
        torch.bfloat16, 5),
}
CHAT_PROMPTS = [
    "What is the capital of France?",
    "Give me three tips for writing a polite complaint.",
    "Explain in one sentence why the sky is blue.",
    "Write a short poem about a bicycle.",
    "What is 17 plus 25?",
    "Translate 'good morning' into Spanish.",
    "My parcel has not arrived. What should I do?",
    "List the days of the week.",
    "Who wrote Romeo and Juliet?",
    "How do I boil an egg?",
]


def small_model(changes: dict, seed: int) -> LlamaForCausalLM:
    """3 layers of random weights, large enough that a wrong head or rotation moves the logits."""
    torch.manual_seed(seed)
    rope = {"rope_theta": changes.get("rope_theta", 10000.0), "rope_type": "default"}
    rope.update(changes.get("rope_scaling", {}))
    fields = {key: value for key, value in changes.items() if not key.startswith("rope_")}
    config = LlamaConfig(**{
        "vocab_size": VOCABULARY, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3,
        "num_attention_heads": 4, "num_key_value_heads": 4, "max_position_embeddings": 512,
        "rms_norm_eps": 1e-5, "bos_token_id": 1, "eos_token_id": 2, "initializer_range": 0.15,
        "rope_parameters": rope, **fields})
    model = LlamaForCausalLM(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" in name:
                parameter.add_(torch.randn_like(parameter) * 0.1)
            elif name.endswith("bias"):
                parameter.copy_(torch.randn_like(parameter) * 0.2)
    return model


def write_config(folder: pathlib.Path, model: LlamaForCausalLM, changes: dict) -> None:
    """config.json in the spelling of published Llama 2 and 3 checkpoints (rope_theta, rope_scaling)."""
    config = model.config.to_dict()
    for key in ("rope_parameters", "_name_or_path", "transformers_version", "dtype"):
        config.pop(key, None)
    config["architectures"] = ["LlamaForCausalLM"]
    config["rope_theta"] = changes.get("rope_theta", 10000.0)
    config["rope_scaling"] = changes.get("rope_scaling")
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")


def token_ids(length: int, vocabulary: int, seed: int) -> list[int]:
    return [random.Random(seed + index).randrange(3, vocabulary) for index in range(length)]


def logits_of(model: LlamaForCausalLM, ids: list[int]) -> numpy.ndarray:
    """[len(ids), vocab_size]"""
    with torch.no_grad():
        return model(torch.tensor([ids])).logits[0].numpy()


def make_small(name: str, changes: dict, stored: torch.dtype, seed: int) -> None:
    folder = OUT / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    model = small_model(changes, seed)
    model.to(stored).save_pretrained(folder, max_shard_size="200KB" if name == "multi_head" else "5GB")
    (folder / "generation_config.json").unlink(missing_ok=True)
    write_config(folder, model, changes)
    # A model of its own: to(stored) has also rounded the rotary frequencies, which float() keeps.
    stored_weights = model.state_dict()
    model = LlamaForCausalLM(model.config).float().eval()
    model.load_state_dict(stored_weights)
    cases = []
    for length, case_seed in ((150, 100), (70, 200)):
        ids = token_ids(length, VOCABULARY, case_seed + seed)
        logits = logits_of(model, ids)
        positions = [0, 1, 17, 63, 64, length - 1] if length > 64 else [0, length - 1]
        cases.append({"ids": ids, "positions": positions,
                      "logits": [[round(float(x), 6) for x in logits[p]] for p in positions]})
    golden = {"made_by": "tools/goldens/make_llama_goldens.py", "versions": VERSIONS, "cases": cases}
    (folder / "logits.json").write_text(json.dumps(golden) + "\n")


def make_sentencepiece(folder: pathlib.Path) -> None:
    """A Llama-2-like tokenizer of our own: BPE with byte fallback, and a chat template."""
    sentencepiece.SentencePieceTrainer.train(
        input=str(OUT / "text.txt"), model_prefix=str(folder / "tokenizer"), model_type="bpe",
        vocab_size=VOCABULARY, byte_fallback=True, split_digits=True, character_coverage=1.0,
        unk_id=0, bos_id=1, eos_id=2, pad_id=-1, normalization_rule_name="identity",
        remove_extra_whitespaces=False, add_dummy_prefix=True, minloglevel=2,
        max_sentence_length=8000, num_threads=1)
    (folder / "tokenizer.vocab").unlink()
    template = (
        "{% if messages[0]['role'] == 'system' %}"
        "{% set system = '<<SYS>>\\n' + messages[0]['content'] + '\\n<</SYS>>\\n\\n' %}"
        "{% set turns = messages[1:] %}{% else %}{% set system = '' %}{% set turns = messages %}{% endif %}"
        "{% for message in turns %}{% if message['role'] == 'user' %}"
        "{{ bos_token + '[INST] ' + (system if loop.index0 == 0 else '') + message['content'].strip()"
        " + ' [/INST]' }}{% else %}{{ ' ' + message['content'].strip() + ' ' + eos_token }}"
        "{% endif %}{% endfor %}")
    tokenizer_config = {"tokenizer_class": "LlamaTokenizer", "add_bos_token": True,
                        "add_eos_token": False, "bos_token": "<s>", "eos_token": "</s>",
                        "unk_token": "<unk>", "legacy": False, "chat_template": template}
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer_config, indent=1) + "\n")


def byte_alphabet() -> dict[int, str]:
    """GPT-2's printable stand-ins for the 256 bytes."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return {**{b: chr(b) for b in printable}, **{b: chr(256 + i) for i, b in enumerate(others)}}


def smollm2_tokenizer() -> tuple[Tokenizer, str]:
    """Rebuilt from the GGUF: transformers' own GGUF reader loses the digit split."""
    fields = GGUFReader(GGUF).fields
    tokens = fields["tokenizer.ggml.tokens"].contents()
    types = fields["tokenizer.ggml.token_type"].contents()
    merges = [tuple(merge.split(" ")) for merge in fields["tokenizer.ggml.merges"].contents()]
    tokenizer = Tokenizer(models.BPE(vocab={t: i for i, t in enumerate(tokens)}, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False)
                                  for token, kind in zip(tokens, types) if kind == 3])
    return tokenizer, fields["tokenizer.chat_template"].contents()


def greedy(model: LlamaForCausalLM, ids: list[int], count: int, end: int) -> list[int]:
    answer: list[int] = []
    for _ in range(count):
        answer.append(int(logits_of(model, ids + answer)[-1].argmax()))
        if answer[-1] == end:
            break
    return answer


def make_smollm2() -> None:
    model = AutoModelForCausalLM.from_pretrained(
        GGUF.parent, gguf_file=GGUF.name, dtype=torch.float32).eval()
    tokenizer, template = smollm2_tokenizer()
    environment = transformers.utils.chat_template_utils._compile_jinja_template(template)
    chats, last_logits = [], []
    for index, prompt in enumerate(CHAT_PROMPTS):
        text = environment.render(messages=[{"role": "user", "content": prompt}],
                                  add_generation_prompt=True)
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        chats.append({"prompt": prompt, "prompt_ids": ids, "greedy_ids": greedy(model, ids, 48, 2)})
        if index < 3:
            last_logits.append([round(float(x), 4) for x in logits_of(model, ids)[-1]])
    ids = tokenizer.encode((OUT / "text.txt").read_text(), add_special_tokens=False).ids
    logits = torch.from_numpy(logits_of(model, ids)).double()
    logprobs = torch.log_softmax(logits, -1)[range(len(ids) - 1), ids[1:]]
    golden = {
        "made_by": "tools/goldens/make_llama_goldens.py", "versions": VERSIONS, "chats": chats,
        "text": {"ids": ids, "logprob_of_next": [round(float(x), 6) for x in logprobs],
                 "argmax": [int(x) for x in logits.argmax(-1)],
                 "perplexity": float(torch.exp(-logprobs.mean()))}}
    folder = OUT / "smollm2"
    folder.mkdir(exist_ok=True)
    (folder / "golden.json").write_text(json.dumps(golden) + "\n")
    (folder / "last_logits.json").write_text(json.dumps(last_logits) + "\n")


def main() -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    for name, (changes, stored, seed) in SMALL.items():
        make_small(name, changes, stored, seed)
    make_sentencepiece(OUT / "multi_head")
    make_smollm2()


if __name__ == "__main__":
    main()
