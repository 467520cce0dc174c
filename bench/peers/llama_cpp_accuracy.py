#!/usr/bin/env python3
"""llama.cpp's accuracy on the text of docs/ACCURACY.md: perplexity, KL and top-1 against F32, as JSON.

    llama_cpp_accuracy.py --llama-cpp DIR --model build/models/SmolLM2-135M-Instruct.Q4_1.gguf --work DIR

Makes an F32 file of the model and Q8_0, Q4_0, Q4_K_M files of that, takes the logits of F32 as the
base (llama-perplexity --kl-divergence-base) and compares each type with it. The rule of chunks is in
CHUNK_RULE and in the output. Standard library only.
"""

import argparse
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TEXT = ROOT / "bench/accuracy/english.txt"
MODEL = ROOT / "build/models/SmolLM2-135M-Instruct.Q4_1.gguf"
CONTEXT = 512
CHUNKS = 32
TYPES = ["Q8_0", "Q4_0", "Q4_K_M"]
# The base shall be F32 throughout; the compared types have llama.cpp's defaults, with KV in f16.
BASE_SETTINGS = ["-fa", "off", "-ctk", "f32", "-ctv", "f32"]
CHUNK_RULE = (
    "Tokens of the whole file, no special tokens parsed, BOS first only if the model adds one (SmolLM2 "
    f"adds none). Chunk i (from 0) is tokens[{CONTEXT}*i .. {CONTEXT}*i+{CONTEXT - 1}], computed from an "
    "empty KV cache at positions 0 up; if the model adds BOS, it replaces the chunk's first token. "
    f"Scored are the predictions at positions {CONTEXT // 2} .. {CONTEXT - 2} of each chunk, of the tokens "
    f"at {CONTEXT // 2 + 1} .. {CONTEXT - 1}: {CONTEXT // 2 - 1} of each chunk. perplexity = "
    "exp(mean of -ln p(token)); kl = mean over scored positions of sum over the vocabulary of "
    "p_f32 * (ln p_f32 - ln p); top1 = share of scored positions with the same argmax.")

PATTERNS = {
    "perplexity": r"^Mean PPL\(Q\) +: +([\d.]+)",
    "perplexity_stored_base": r"^Mean PPL\(base\) +: +([\d.]+)",
    "kl": r"^Mean +KLD: +(-?[\d.]+)",
    "kl_error": r"^Mean +KLD: +-?[\d.]+ ± +([\d.]+)",
    "kl_maximum": r"^Maximum KLD: +(-?[\d.]+)",
    "top1": r"^Same top p: +([\d.]+)",
}


def parse_statistics(output: str) -> dict[str, float]:
    """The numbers of llama-perplexity --kl-divergence; top1 as a share."""
    found = {}
    for name, pattern in PATTERNS.items():
        match = re.search(pattern, output, re.MULTILINE)
        if not match:
            raise ValueError(f"llama-perplexity printed no line of {name}: {output[-500:]}")
        found[name] = float(match.group(1))
    found["top1"] /= 100
    return found


def run(command: list[str]) -> str:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        raise ValueError(f"{' '.join(command)}\nexit code {done.returncode}: {done.stderr[-800:]}")
    return done.stdout + done.stderr


def quantized(options: argparse.Namespace, kind: str) -> pathlib.Path:
    """The model as `kind`; F32 from the given file, everything else from F32."""
    path = options.work / f"{options.model.name.split('.')[0]}.{kind}.gguf"
    if not path.exists():
        source = options.model if kind == "F32" else quantized(options, "F32")
        part = path.with_suffix(".part")
        run([str(options.llama_cpp / "llama-quantize"), "--allow-requantize", str(source), str(part), kind])
        part.rename(path)
    return path


def measure(options: argparse.Namespace) -> dict[str, object]:
    options.work.mkdir(parents=True, exist_ok=True)
    base = options.work / "f32.logits"
    common = [str(options.llama_cpp / "llama-perplexity"), "-f", str(options.text), "-c", str(CONTEXT),
              "-b", str(CONTEXT), "--chunks", str(options.chunks), "-t", str(options.threads),
              "--kl-divergence-base", str(base)]
    first = run([*common, *BASE_SETTINGS, "-m", str(quantized(options, "F32"))])
    chunks = re.search(r"over (\d+) chunks", first)
    if not chunks or int(chunks.group(1)) != options.chunks:
        raise ValueError(f"{options.text} is too short for {options.chunks} chunks of {CONTEXT} tokens")
    results = {}
    for kind in ["F32", *options.types]:
        path = quantized(options, kind)
        output = run([*common, "-m", str(path), "--kl-divergence"])
        (options.work / f"{kind}.log").write_text(output)
        statistics = parse_statistics(output)
        results[kind] = {**statistics, "file_bytes": path.stat().st_size}
        # Not over the stored base, whose 16-bit log-probabilities end at e^-16 of the best.
        results[kind]["perplexity_over_f32"] = statistics["perplexity"] / results["F32"]["perplexity"]
        print(f"{kind}: {results[kind]}", file=sys.stderr)
    base.unlink()
    return {"model": options.model.name, "text": str(options.text.resolve().relative_to(ROOT)),
            "context": CONTEXT, "chunks": options.chunks, "base_settings": " ".join(BASE_SETTINGS),
            "scored_tokens": options.chunks * (CONTEXT // 2 - 1), "rule": CHUNK_RULE, "types": results}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--llama-cpp", type=pathlib.Path, required=True, help="folder of its binaries")
    parser.add_argument("--model", type=pathlib.Path, default=MODEL)
    parser.add_argument("--text", type=pathlib.Path, default=TEXT)
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "build/peers/accuracy")
    parser.add_argument("--types", type=lambda text: text.split(","), default=TYPES)
    parser.add_argument("--chunks", type=int, default=CHUNKS)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    try:
        print(json.dumps(measure(options), indent=1, ensure_ascii=False))
    except ValueError as error:
        print(f"llama_cpp_accuracy.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
