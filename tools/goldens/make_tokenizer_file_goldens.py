#!/usr/bin/env python3
"""Makes tests/golden/tokenizer_files: small folders in the forms of published Llama fine-tunes, and their ids.

Needs: pip install transformers==5.24.0 tokenizers==0.23.3 sentencepiece==0.2.3 protobuf tiktoken (no PyTorch).

Each folder is trained here on a few sentences and has the files, flags and marks that the named family publishes.
transformers' AutoTokenizer reads it; a tokenizer.json is taken as it is written (PreTrainedTokenizerFast), for
transformers 5 rewrites those of LlamaTokenizer. Folders with nothing but tokenizer.model have no text with a space at
the start of a stretch: there transformers 5 differs from SentencePiece's own library, which the other goldens follow.
"""

import base64
import copy
import io
import json
import os
import pathlib
import shutil

os.environ["HF_HUB_OFFLINE"] = "1"

import sentencepiece
import tokenizers
import transformers
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import AutoTokenizer

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
OUT = ROOT / "tests/golden/tokenizer_files"
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
          r"|\s*[\r\n]+|\s+(?!\S)|\s+")
SENTENCES = [
    "The order arrived late, we'll send another parcel on Monday.", "Where is my order number 12345?",
    "def answer(x):\n    return x + 1\n", "Grüße aus München, die Straße ist 123 m lang.", "你好 我的 订单 在哪里",
    "user assistant system please write a short story about the tokenizer", "prefix suffix middle of the file",
    "Привет, где мой заказ? Спасибо!", "123 456 789 2024 1000", "hello world hello there hello again",
    "It's the customer's order; they've asked twice.", "  two  spaces   three    four",
] * 4
TEXTS = [
    "", "Hello world", "a", "\n", "hello\n\nthere\r\n", "tab\there", "It's 12345 o'clock, 3.14!", "Grüße 你好 👋🏽 👩‍👩‍👧",
    "e\u0301 é ﬁ Å", "control \x01\x7f \u200b\u00a0x", "x" * 70, "ha" * 40, "0123456789" * 4, "trailing space ",
    "line\n   indented\n\tTabbed", "don't STOP We'LL", "a_b-c/d\\e", "Привет мир", "{\"k\": [1, 2]}", "ǅ İ ß K ſ",
    "A\u3000B\u2003C\u1680D", "½²Ⅳ৪২ ١٢", "!!!???...", "end.\n",
]
SPACED = ["\u2581lower block", "  two spaces", " leading", "   ", " \n x", "a  b   c    d"]
CHAT = [
    [{"role": "user", "content": "Hello"}],
    [{"role": "system", "content": "Be nice"}, {"role": "user", "content": "Where is 123?"},
     {"role": "assistant", "content": "Here."}, {"role": "user", "content": "ok\n\nthanks "}],
]
CHATML = ("{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
          "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}")
ROLE_MARKS = ("{% for message in messages %}{{ '<|' + message['role'] + '|>\n' + message['content'] + {END} + '\n' }}"
              "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}")
LLAMA3_CHAT = ("{{ bos_token }}{% for message in messages %}{{ '<|start_header_id|>' + message['role'] + "
               "'<|end_header_id|>\n\n' + message['content'] | trim + '<|eot_id|>' }}{% endfor %}"
               "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}")
DEEPSEEK_CHAT = ("{{ bos_token }}{% for message in messages %}{% if message['role'] == 'user' %}"
                 "{{ '<｜User｜>' + message['content'] }}{% elif message['role'] == 'assistant' %}"
                 "{{ '<｜Assistant｜>' + message['content'] + '<｜end▁of▁sentence｜>' }}{% else %}{{ message['content'] }}"
                 "{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<｜Assistant｜><think>\n' }}{% endif %}")
LLAMA2_CHAT = ("{% for message in messages %}{% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + "
               "message['content'] + ' [/INST]' }}{% elif message['role'] == 'assistant' %}"
               "{{ ' ' + message['content'] + ' ' + eos_token }}{% endif %}{% endfor %}")


def added(number: int, content: str, special: bool = True, **flags: bool) -> dict:
    token = {"id": number, "content": content, "single_word": False, "lstrip": False, "rstrip": False,
             "normalized": False, "special": special}
    return token | flags


def template(before: list[tuple[str, int]], after: list[tuple[str, int]] = ()) -> dict:
    special = {name: {"id": name, "ids": [number], "tokens": [name]} for name, number in [*before, *after]}
    single = [{"SpecialToken": {"id": name, "type_id": 0}} for name, _ in before]
    single.append({"Sequence": {"id": "A", "type_id": 0}})
    single += [{"SpecialToken": {"id": name, "type_id": 0}} for name, _ in after]
    return {"type": "TemplateProcessing", "single": single, "pair": single + [{"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": special}


def byte_level(steps: list, size: int = 330, **options) -> dict:
    """A byte-level tokenizer.json without added tokens."""
    made = Tokenizer(models.BPE(**options))
    made.pre_tokenizer = pre_tokenizers.Sequence(steps) if len(steps) > 1 else steps[0]
    made.decoder = decoders.ByteLevel()
    made.train_from_iterator(SENTENCES, trainers.BpeTrainer(
        vocab_size=size, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    return json.loads(made.to_str())


def llama3_steps() -> list:
    return [pre_tokenizers.Split(Regex(LLAMA3), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]


def smollm_steps() -> list:
    return [pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)]


def sentencepiece_model(user_defined: list[str] = (), **options) -> bytes:
    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES), model_writer=out, vocab_size=380, model_type="bpe", byte_fallback=True,
        normalization_rule_name="identity", remove_extra_whitespaces=False, character_coverage=0.9995,
        allow_whitespace_only_pieces=True, split_digits=True, minloglevel=2, num_threads=1,
        user_defined_symbols=list(user_defined), **options)
    return out.getvalue()


def spm_json(prefix: dict | None) -> dict:
    """Llama 2's kind of tokenizer.json, from the pieces of a model that is trained here."""
    pieces = sentencepiece.SentencePieceProcessor(model_proto=sentencepiece_model())
    vocab = {pieces.id_to_piece(i): i for i in range(pieces.get_piece_size())}
    merges = []
    for piece, number in vocab.items():
        cuts = [(piece[:i], piece[i:]) for i in range(1, len(piece))]
        merges += [(number, left, right) for left, right in cuts
                   if left in vocab and right in vocab and not piece.startswith("<")]
    merges = [[left, right] for _, left, right in sorted(merges, key=lambda one: one[0])]
    strip = [{"type": "Strip", "content": " ", "start": 1, "stop": 0}]
    file = {"version": "1.0", "truncation": None, "padding": None,
            "added_tokens": [added(0, "<unk>"), added(1, "<s>"), added(2, "</s>")],
            "normalizer": {"type": "Sequence", "normalizers": [
                {"type": "Prepend", "prepend": "▁"},
                {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
            "pre_tokenizer": None, "post_processor": template([("<s>", 1)]),
            "decoder": {"type": "Sequence", "decoders": [
                {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"},
                {"type": "Fuse"}] + strip},
            "model": {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None,
                      "end_of_word_suffix": None, "fuse_unk": True, "byte_fallback": True, "ignore_merges": False,
                      "vocab": vocab, "merges": merges}}
    if prefix is not None:
        file |= prefix
    return file


def metaspace(scheme: str, split: bool = False) -> dict:
    return {"normalizer": None, "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme,
                                                  "split": split}}


def with_tokens(file: dict, *tokens: dict) -> dict:
    file["added_tokens"] = file["added_tokens"] + list(tokens)
    return file


def config(**fields) -> dict:
    return {"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>",
            "clean_up_tokenization_spaces": False} | fields


def decoder_table(*tokens: dict) -> dict:
    return {str(token["id"]): {k: v for k, v in token.items() if k != "id"} for token in tokens}


def model_folders() -> dict[str, dict]:
    """Folders without tokenizer.json: tokenizer.model and what stands beside it."""
    llama = {"tokenizer_class": "LlamaTokenizer", "add_bos_token": True, "add_eos_token": False, "bos_token": "<s>",
             "eos_token": "</s>", "unk_token": "<unk>", "clean_up_tokenization_spaces": False}
    marks = [added(380, "<|im_end|>"), added(381, "<|im_start|>")]
    tool = added(382, "<tool_call>", special=False)
    base = [added(0, "<unk>"), added(1, "<s>"), added(2, "</s>")]
    plain = sentencepiece_model()
    return {
        "llama2_chatml_legacy": {"tokenizer.model": plain, "added_tokens.json": {"<|im_end|>": 380, "<|im_start|>": 381},
                                 "tokenizer_config.json": llama | {
                                     "legacy": True, "eos_token": "<|im_end|>", "chat_template": CHATML,
                                     "added_tokens_decoder": decoder_table(*base, *marks)}},
        "llama2_chatml_added_tokens": {
            "tokenizer.model": plain, "added_tokens.json": {"<|im_end|>": 380, "<|im_start|>": 381, "<pad>": 382},
            "special_tokens_map.json": {"eos_token": {"content": "<|im_end|>", "lstrip": False, "normalized": False,
                                                      "rstrip": False, "single_word": False}},
            "tokenizer_config.json": llama | {"legacy": False, "chat_template": CHATML}},
        "hermes_llama2": {"tokenizer.model": plain, "tokenizer_config.json": llama | {
            "legacy": False, "chat_template": CHATML, "eos_token": "<|im_end|>", "add_eos_token": True,
            "added_tokens_decoder": decoder_table(*base, *marks, tool)}},
        "llama2_no_prefix": {"tokenizer.model": plain, "tokenizer_config.json": llama | {
            "add_prefix_space": False, "chat_template": LLAMA2_CHAT}},
        "user_defined_pieces": {"tokenizer.model": sentencepiece_model(["<|im_start|>", "<|im_end|>", "<sep>"]),
                                "tokenizer_config.json": llama | {"legacy": True, "eos_token": "<|im_end|>",
                                                                  "chat_template": CHATML}},
        "rstrip_marks": {"tokenizer.model": plain, "tokenizer_config.json": llama | {
            "legacy": False, "chat_template": ROLE_MARKS.replace("{END}", "'<|end|>'"),
            "added_tokens_decoder": decoder_table(
                *base, added(380, "<|user|>", rstrip=True), added(381, "<|assistant|>", rstrip=True),
                added(382, "<|system|>", rstrip=True), added(383, "<|end|>", rstrip=True))}},
        "llama3_tiktoken": {"tokenizer.model": tiktoken_list(), "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>",
            "add_bos_token": True, "chat_template": LLAMA3_CHAT, "added_tokens_decoder": decoder_table(
                added(330, "<|begin_of_text|>"), added(331, "<|eot_id|>"), added(333, "<|start_header_id|>"),
                added(334, "<|end_header_id|>"))}},
    }


def tiktoken_list() -> bytes:
    """Pieces of a byte-level vocabulary as Meta ships Llama 3's."""
    file = byte_level(llama3_steps())
    spelled = {spelling: byte for byte, spelling in transformers_alphabet().items()}
    lines = []
    for piece, rank in sorted(file["model"]["vocab"].items(), key=lambda entry: entry[1]):
        token = bytes(spelled[character] for character in piece)
        lines.append(base64.b64encode(token).decode() + f" {rank}\n")
    return "".join(lines).encode()


def transformers_alphabet() -> dict[int, str]:
    from transformers.convert_slow_tokenizer import bytes_to_unicode
    return bytes_to_unicode()


def json_folders() -> dict[str, dict]:
    chatml = [added(380, "<|im_end|>"), added(381, "<|im_start|>")]
    zephyr = ROLE_MARKS.replace("{END}", "eos_token")
    reasoning = with_tokens(
        byte_level(llama3_steps()), added(330, "<｜begin▁of▁sentence｜>"), added(331, "<｜end▁of▁sentence｜>"),
        *(added(332 + i, name, special=False) for i, name in enumerate(
            ["<｜User｜>", "<｜Assistant｜>", "<think>", "</think>"])))
    llama3 = with_tokens(byte_level(llama3_steps(), ignore_merges=True), *(added(330 + i, name) for i, name in enumerate(
        ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"] +
        [f"<|reserved_special_token_{n}|>" for n in range(20)])))
    llama3["post_processor"] = {"type": "Sequence", "processors": [
        {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True},
        template([("<|begin_of_text|>", 330)])]}
    hermes3 = copy.deepcopy(llama3)
    hermes3["added_tokens"][9:12] = [added(339, "<|im_start|>"), added(340, "<tool_call>", special=False),
                                     added(341, "<|im_end|>")]
    llama3_config = config(bos_token="<|begin_of_text|>", eos_token="<|eot_id|>", chat_template=LLAMA3_CHAT)
    del llama3_config["unk_token"]
    smol = with_tokens(byte_level(smollm_steps()), *(added(330 + i, name) for i, name in enumerate(
        ["<|endoftext|>", "<|im_start|>", "<|im_end|>"])))
    flags = with_tokens(
        spm_json(metaspace("first")), added(380, "<L>", lstrip=True), added(381, "<R>", rstrip=True),
        added(382, "<B>", lstrip=True, rstrip=True), added(383, "word", special=False, single_word=True),
        added(384, "norm", special=False, normalized=True), added(385, " gap", special=False, normalized=True),
        added(386, "wordy", special=False))
    normal = with_tokens(spm_json(None), added(380, "foo", special=False, normalized=True),
                         added(381, "<|x|>", special=False, normalized=True), added(382, "foofoo", special=False))
    unknown = spm_json(metaspace("always", split=True))
    unknown["model"]["byte_fallback"] = False
    unknown["model"]["vocab"] = {k: v for k, v in unknown["model"]["vocab"].items() if not k.startswith("<0x")}
    unknown["model"]["vocab"] = {k: i for i, k in enumerate(unknown["model"]["vocab"])}
    unknown["decoder"] = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
    unfused = copy.deepcopy(unknown)
    unfused["model"]["fuse_unk"] = False
    return {
        "tinyllama": {"tokenizer.json": spm_json(None), "tokenizer.model": sentencepiece_model(),
                      "tokenizer_config.json": config(chat_template=zephyr, add_bos_token=True)},
        "zephyr": {"tokenizer.json": with_tokens(spm_json(None), added(380, "<|user|>"), added(381, "<|assistant|>")),
                   "tokenizer_config.json": config(chat_template=zephyr)},
        "llama2_chatml_json": {"tokenizer.json": with_tokens(spm_json(None), *chatml),
                               "tokenizer_config.json": config(chat_template=CHATML, eos_token="<|im_end|>")},
        "yi": {"tokenizer.json": with_tokens(spm_json({"normalizer": {
            "type": "Replace", "pattern": {"String": " "}, "content": "▁"}, "post_processor": None}), *chatml),
               "tokenizer_config.json": config(chat_template=CHATML, add_bos_token=False, add_eos_token=False)},
        "phi3": {"tokenizer.json": with_tokens(spm_json(None), added(380, "<|end|>", rstrip=True),
                                               added(381, "<|user|>", rstrip=True), added(382, "<|system|>", rstrip=True),
                                               added(383, "<|assistant|>", rstrip=True)),
                 "tokenizer_config.json": config(chat_template=ROLE_MARKS.replace("{END}", "'<|end|>'"))},
        "codellama": {"tokenizer.json": with_tokens(spm_json(None), *(added(380 + i, name) for i, name in enumerate(
            ["▁<PRE>", "▁<MID>", "▁<SUF>", "▁<EOT>"]))), "tokenizer_config.json": config(chat_template=LLAMA2_CHAT)},
        "deepseek_r1_distill": {"tokenizer.json": reasoning, "tokenizer_config.json": config(
            bos_token="<｜begin▁of▁sentence｜>", eos_token="<｜end▁of▁sentence｜>", unk_token=None, add_bos_token=True,
            add_eos_token=False, chat_template=DEEPSEEK_CHAT)},
        "llama3": {"tokenizer.json": llama3, "tokenizer_config.json": llama3_config},
        "hermes3": {"tokenizer.json": hermes3, "tokenizer_config.json": llama3_config | {
            "chat_template": CHATML, "eos_token": "<|im_end|>"}},
        "smollm2": {"tokenizer.json": smol, "tokenizer_config.json": config(
            bos_token="<|im_start|>", eos_token="<|im_end|>", unk_token="<|endoftext|>", chat_template=CHATML)},
        "metaspace_first": {"tokenizer.json": with_tokens(spm_json(metaspace("first")), *chatml),
                            "tokenizer_config.json": config(chat_template=CHATML, add_bos_token=True, add_eos_token=True)},
        "metaspace_always_split": {"tokenizer.json": with_tokens(spm_json(metaspace("always", True)), *chatml),
                                   "tokenizer_config.json": config(chat_template=CHATML)},
        "metaspace_never": {"tokenizer.json": with_tokens(spm_json(metaspace("never")), *chatml),
                            "tokenizer_config.json": config(chat_template=CHATML)},
        "flags": {"tokenizer.json": flags, "tokenizer_config.json": config()},
        "normalized_tokens": {"tokenizer.json": normal, "tokenizer_config.json": config()},
        "config_over_json": {"tokenizer.json": with_tokens(spm_json(metaspace("first")), *chatml),
                             "tokenizer_config.json": config(
                                 chat_template=CHATML, additional_special_tokens=["<extra>"],
                                 added_tokens_decoder=decoder_table(
                                     added(380, "<|im_end|>", rstrip=True), added(382, "<new>", special=False)))},
        "unknown_fused": {"tokenizer.json": unknown, "tokenizer_config.json": config()},
        "unknown_apart": {"tokenizer.json": unfused, "tokenizer_config.json": config()},
    } | step_folders()


def step_folders() -> dict[str, dict]:
    """One tokenizer.json for each step that changes ids."""
    gpt2 = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    plain_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)

    def split(behavior: str, invert: bool = False, pattern=Regex(r"\d+|\s")) -> dict:
        return byte_level([pre_tokenizers.Split(pattern, behavior, invert), plain_bytes])

    normalised = {
        "strip": normalizers.Strip(left=True, right=False), "lowercase": normalizers.Lowercase(),
        "replace_regex": normalizers.Sequence([normalizers.Replace(Regex(r"\s+"), " "), normalizers.Replace("a", "bb")]),
        "strip_accents": normalizers.StripAccents(), "prepend": normalizers.Prepend("> ")}
    files = {
        "prefix_space": byte_level([pre_tokenizers.ByteLevel(add_prefix_space=True, use_regex=True)]),
        "bytes_only": byte_level([plain_bytes]),
        "digits_together": byte_level([pre_tokenizers.Digits(individual_digits=False), gpt2]),
        "punctuation": byte_level([pre_tokenizers.Punctuation("merged_with_previous"), gpt2]),
        "white_space": byte_level([pre_tokenizers.Whitespace(), plain_bytes]),
        "white_space_split": byte_level([pre_tokenizers.WhitespaceSplit(), plain_bytes]),
        "fixed_length": byte_level([pre_tokenizers.FixedLength(length=3), plain_bytes]),
        "delimiter": byte_level([pre_tokenizers.CharDelimiterSplit("e"), plain_bytes]),
        "bytes_then_split": byte_level([plain_bytes, pre_tokenizers.Split("Ġ", "merged_with_next")]),
        "split_string": split("isolated", pattern="er"),
        "split_inverted": split("isolated", True), "split_removed": split("removed"),
        "split_previous": split("merged_with_previous"), "split_next": split("merged_with_next"),
        "split_contiguous": split("contiguous"), "split_next_inverted": split("merged_with_next", True),
    }
    for name, normalizer in normalised.items():
        made = Tokenizer.from_str(json.dumps(byte_level([gpt2])))
        made.normalizer = normalizer
        files[name] = json.loads(made.to_str())
    affixes = byte_level([gpt2])
    affixes["model"]["end_of_word_suffix"] = "Ġ"
    files["word_suffix"] = affixes
    roberta = with_tokens(byte_level([gpt2]), added(330, "<s>"), added(331, "</s>"))
    roberta["post_processor"] = {"type": "RobertaProcessing", "sep": ["</s>", 331], "cls": ["<s>", 330],
                                 "trim_offsets": True, "add_prefix_space": False}
    files["roberta"] = roberta
    return {f"step_{name}": {"tokenizer.json": file,
                             "tokenizer_config.json": {"tokenizer_class": "PreTrainedTokenizerFast"}}
            for name, file in files.items()}


def write(folder: pathlib.Path, files: dict) -> None:
    folder.mkdir(parents=True)
    for name, content in files.items():
        if isinstance(content, bytes):
            (folder / name).write_bytes(content)
        else:
            (folder / name).write_text(json.dumps(content, ensure_ascii=True, separators=(",", ":")) + "\n")


def texts_for(tokenizer, only_model: bool) -> list[str]:
    texts = list(TEXTS) if only_model else TEXTS + SPACED
    contents = [token.content for token in tokenizer.added_tokens_decoder.values()]
    for content in contents[:14]:
        texts += [content, f"a{content}b", f"{content}\n{content}{content}!"]
        if not only_model:
            texts += [f" {content} ", f"x\n {content} \n y", f"{content}  z", f"_{content} {content}ly"]
    return texts


def main() -> None:
    shutil.rmtree(OUT, ignore_errors=True)
    versions = {"transformers": transformers.__version__, "tokenizers": tokenizers.__version__,
                "sentencepiece": sentencepiece.__version__}
    with_json, only_model = json_folders(), model_folders()
    cases = {}
    for name, files in (with_json | only_model).items():
        write(OUT / name, files)
        # transformers asks config.json which model it is for.
        (OUT / name / "config.json").write_text('{"model_type":"llama"}\n')
        tokenizer = AutoTokenizer.from_pretrained(OUT / name)
        (OUT / name / "config.json").unlink()
        case = {"encoded": [], "plain": [], "chat": []}
        for text in texts_for(tokenizer, name in only_model):
            case["encoded"].append([text, tokenizer.encode(text, add_special_tokens=False)])
        for text in ("Hello world", ""):
            case["plain"].append([text, tokenizer.encode(text)])
        for messages in CHAT if tokenizer.chat_template else []:
            ids = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=True)
            case["chat"].append([messages, ids if isinstance(ids, list) else ids["input_ids"]])
        cases[name] = case
    lines = [json.dumps({"versions": versions}, separators=(",", ":"))]
    lines += [json.dumps({"folder": name} | case, separators=(",", ":"), ensure_ascii=True) for name, case in cases.items()]
    (OUT / "goldens.jsonl").write_text("\n".join(lines) + "\n")
    size = sum(path.stat().st_size for path in OUT.rglob("*") if path.is_file())
    print(f"{len(cases)} folders, {sum(len(case['encoded']) for case in cases.values())} texts, {size} bytes")


if __name__ == "__main__":
    main()
