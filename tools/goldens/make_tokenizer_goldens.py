#!/usr/bin/env python3
"""Makes tests/golden/tokenizer: a corpus of many scripts and the ids that reference libraries give it.

Needs: pip install tokenizers==0.23.3 sentencepiece==0.2.3 gguf==0.19.0, and 'make fetch-models'.

smollm, llama-bpe and gpt-2 are three pre-tokenizers over the same vocabulary (SmolLM2's, from the GGUF file), run
by Hugging Face's tokenizers; sentencepiece is tests/golden/llama/multi_head/tokenizer.model, run by Google's library.
tokenizer_smollm.json and tokenizer_llama3.json are small tokenizers of the repository's own, trained here.
"""

import json
import pathlib
import random

import gguf
import sentencepiece
import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
OUT = ROOT / "tests/golden/tokenizer"
MODEL = ROOT / "build/models/SmolLM2-135M-Instruct.Q4_1.gguf"
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
          r"|\s*[\r\n]+|\s+(?!\S)|\s+")
LINES = 2400

WORDS = {
    "english": "the order parcel arrived late we'll they're it's I'd can't DON'T refund of my blue chair with "
               "two broken legs unfortunately internationalization Straße naïve café e-mail www.shop.example".split(),
    "chinese": "你好 我的 订单 在哪里 请问 退款 需要 多少 天 谢谢 北京 上海 客服 椅子 坏了 繁體中文 訂單 龍".split(),
    "japanese": "こんにちは 注文 は どこ ですか カタカナ ありがとう 返品 したい 東京 ﾊﾝｶｸ".split(),
    "korean": "안녕하세요 주문 어디에 있어요 환불 감사합니다 서울 의자가 부러졌어요".split(),
    "arabic": "مرحبا أين طلبي من فضلك شكرا الكرسي مكسور ١٢٣ العربية".split(),
    "hebrew": "שלום איפה ההזמנה שלי תודה כיסא שבור בבקשה".split(),
    "russian": "Привет где мой заказ спасибо возврат Москва ёлка стул сломан".split(),
    "greek": "Γειά σου πού είναι η παραγγελία μου ευχαριστώ καρέκλα".split(),
    "hindi": "नमस्ते मेरा ऑर्डर कहाँ है धन्यवाद कुर्सी टूटी १२३".split(),
    "bengali": "নমস্কার আমার অর্ডার কোথায় ধন্যবাদ চেয়ার".split(),
    "tamil": "வணக்கம் என் ஆர்டர் எங்கே நன்றி நாற்காலி".split(),
    "thai": "สวัสดี คำสั่งซื้อ ของฉัน อยู่ที่ไหน ขอบคุณ เก้าอี้ ๑๒๓".split(),
    "georgian": "გამარჯობა სად არის ჩემი შეკვეთა მადლობა".split(),
    "armenian": "Բարեւ որտեղ է իմ պատվերը շնորհակալություն".split(),
    "amharic": "ሰላም ትዕዛዜ የት ነው አመሰግናለሁ".split(),
    "vietnamese": "Xin chào đơn hàng của tôi ở đâu cảm ơn ghế bị gãy".split(),
    "turkish": "Merhaba siparişim nerede teşekkürler ığdır İstanbul şöyle".split(),
    "emoji": ["👋", "👩‍👩‍👧‍👦", "🏳️‍🌈", "👍🏽", "🇩🇪", "🇨🇳", "❤️", "1️⃣", "🧑🏿‍🚀", "🫠", "☺", "🤷‍♀️"],
    "digits": ["0", "7", "42", "1234", "12,345.67", "3.14159", "2026-11-24", "+49 30 123456", "½", "²", "Ⅳ", "৪২",
               "1e-9", "0x1F", "#10023", "99999999999999999999"],
    "code": ["def f(x):", "    return x**2", "if (a != b) {", "}", "std::vector<int>", "\tx = y;", "// later",
             "SELECT * FROM t;", "`ls -la | wc`", "<div class=\"a\">", "{\"k\": [1, 2]}", "a->b", "\\n", "$HOME"],
    "marks": ["...", "!?", "—", "“quoted”", "''", "'s", "'S", "'LL", "(a)", "[b]", "a/b", "€5", "5%", "@x", "«»", "·"],
    "combining": ["é", "é", "Å", "Å", "ﬁ", "Ａ", "ｱ", "ﷺ", "a\u0301\u0302", "\u200b", "\u200d", "\ufeff", "\u00ad"],
}
SPACES = [" ", " ", " ", " ", "  ", "   ", "\t", "\n", "\n\n", " \n", "\r\n", "\u00a0", "\u3000", "\u2003", "\u180e",
          "\u2028", "\u0085", "\v", "\f", ""]
CONTROLS = ["\x00", "\x01", "\x07", "\x1b[31m", "\x7f", "\x80", "\ue000", "\ufffd", "\uffff", "\U0010ffff", "\u202e"]
SPECIAL = ["<|im_start|>", "<|im_end|>", "<|endoftext|>", "<s>", "</s>", "<unk>", "[INST]", "<0x0A>", "▁", "Ġ", "Ċ"]
INVALID = [b"\xff", b"\xc3", b"\xe4\xbd", b"\xf0\x9f\x91", b"\xed\xa0\x80", b"\xc0\xaf", b"\x80", b"\xf5\x80\x80\x80"]


def make_line(noise: random.Random, number: int) -> bytes:
    """One line: mostly words of one script, now and then a mixture, controls, runs, or broken bytes."""
    kinds = list(WORDS)
    kind = kinds[number % len(kinds)]
    pool = list(WORDS[kind])
    if number % 3 == 0:
        pool += WORDS[noise.choice(kinds)]
    parts: list[bytes] = []
    for _ in range(noise.randint(1, 9)):
        parts.append(noise.choice(pool).encode())
        space = noise.choice(SPACES) if number % 4 == 0 else " "
        parts.append(space.encode() * noise.choice([1, 1, 1, 1, 2, 7]) if number % 8 == 0 else space.encode())
    if number % 11 == 0:
        parts.insert(noise.randrange(len(parts)), noise.choice(CONTROLS).encode("utf-8", "surrogatepass"))
    if number % 13 == 0:
        parts.insert(noise.randrange(len(parts)), noise.choice(SPECIAL).encode())
    if number % 17 == 0:
        parts.insert(noise.randrange(len(parts)), noise.choice(INVALID))
    if number % 19 == 0:
        parts.append(noise.choice("aA é0.=-_~日 ").encode() * noise.randint(20, 90))
    if number % 5 == 0:
        parts.insert(0, noise.choice(SPACES).encode())
    line = b"".join(parts)
    return line if number % 2 else line.rstrip(b" ")


def bpe_reference(pieces: list[str], merges: list[str], special: list[str], pre_tokenizer, **options) -> Tokenizer:
    vocab = {piece: number for number, piece in enumerate(pieces)}
    pairs = [tuple(merge.split(" ", 1)) for merge in merges]
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=pairs, **options))
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.ByteLevel()
    # Text from people never becomes a control token, so the reference does not know them either.
    return tokenizer


def smollm_steps():
    return pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True),
                                    pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])


def llama3_steps():
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(LLAMA3), "isolated"),
                                    pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def train(lines: list[str], steps, special: list[str], path: pathlib.Path, **options) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(**options))
    tokenizer.pre_tokenizer = steps
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(lines, trainers.BpeTrainer(
        vocab_size=800, special_tokens=special, show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    if options.get("ignore_merges"):
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{special[0]} $A", special_tokens=[(special[0], tokenizer.token_to_id(special[0]))])
    tokenizer.add_tokens([AddedToken("order-number", special=False)])
    path.write_text(json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=True, separators=(",", ":")) + "\n")
    return tokenizer


def main() -> None:
    noise = random.Random(20261124)
    corpus = [make_line(noise, number) for number in range(LINES)] + [b"", b" ", b"\n"]
    texts = [line.decode("utf-8", errors="replace") for line in corpus]
    OUT.mkdir(parents=True, exist_ok=True)

    reader = gguf.GGUFReader(MODEL)
    def strings(key: str) -> list[str]:
        field = reader.fields[key]
        return [bytes(field.parts[part]).decode() for part in field.data]
    pieces, merges = strings("tokenizer.ggml.tokens"), strings("tokenizer.ggml.merges")
    references = {
        "smollm": bpe_reference(pieces, merges, [], smollm_steps()),
        "llama-bpe": bpe_reference(pieces, merges, [], llama3_steps(), ignore_merges=True),
        "gpt-2": bpe_reference(pieces, merges, [], pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)),
    }
    small_text = [text for text in texts if "\x00" not in text]
    small = {
        "tokenizer_smollm": train(small_text, smollm_steps(), ["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
                                  OUT / "tokenizer_smollm.json"),
        "tokenizer_llama3": train(small_text, llama3_steps(), ["<|begin_of_text|>", "<|eot_id|>"],
                                  OUT / "tokenizer_llama3.json", ignore_merges=True),
    }
    pieces_of = sentencepiece.SentencePieceProcessor(
        model_file=str(ROOT / "tests/golden/llama/multi_head/tokenizer.model"))
    with (OUT / "corpus.jsonl").open("w") as out:
        versions = {"tokenizers": tokenizers.__version__, "sentencepiece": sentencepiece.__version__}
        out.write(json.dumps({"versions": versions}) + "\n")
        for number, (line, text) in enumerate(zip(corpus, texts)):
            row = {"text": text} if text.encode() == line else {"hex": line.hex()}
            for name, reference in references.items():
                ids = reference.encode(text, add_special_tokens=False).ids
                if name == "smollm" or ids != row["smollm"]:  # absent: the same as smollm
                    row[name] = ids
            row["sentencepiece"] = pieces_of.encode(text)
            # The spellings of special tokens are kept out: the reference would recognise them.
            if number % 4 == 1 and not any(word in text for word in ("<|", "order-number")):
                for name, reference in small.items():
                    row[name] = reference.encode(text, add_special_tokens=False).ids
            out.write(json.dumps(row, separators=(",", ":"), ensure_ascii=False) + "\n")
    print(f"{len(corpus)} lines, {(OUT / 'corpus.jsonl').stat().st_size} bytes")


if __name__ == "__main__":
    main()
