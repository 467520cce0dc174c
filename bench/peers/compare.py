#!/usr/bin/env python3
"""Measures Puna beside other engines, interleaved, and writes docs/PERFORMANCE.md.

    compare.py measure --shape llama-2-7b --models DIR --llama-cpp DIR --ik-llama-cpp DIR --rounds 3
    compare.py report

`measure` runs one process at a time: for every round and every kind of work each contender in turn
(A B C, A B C, …), so that a change of the machine's memory bandwidth hits all alike. Every process
adds a line to the file of results; measuring in several calls is the same as in one.
`report` makes the page from all lines. Standard library only; peers are given by path.
"""

import argparse
import dataclasses
import pathlib
import shlex
import sys
import time

import results
from contenders import Contender, IkLlamaCpp, LlamaCpp, Puna, PythonPeer
from processes import RunError, run_process, start_server
from report import write_page
from results import Record
from shapes import SHAPES, Shape
from work import GROUPS, READY_WARM, START_WARM, OutputError, Run, Sample, Work

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
RESULTS = ROOT / "bench/peers/results.jsonl"
PAGE = ROOT / "docs/PERFORMANCE.md"
PUNA = ROOT / "build/release/bin/puna"


def gguf_path(options: argparse.Namespace, shape: Shape, quantization: str) -> pathlib.Path:
    path = options.models / f"{shape.label()}.{quantization}.gguf"
    if not path.exists():
        layers = f" --layers {options.layers}" if options.layers else ""
        raise RunError(f"no {path}: make it with bench/peers/make_random_gguf.py "
                       f"{shape.name} {quantization} {path}{layers}")
    return path


def make_contenders(options: argparse.Namespace, shape: Shape) -> list[Contender]:
    """In the order of a round."""
    contenders: list[Contender] = []
    threads = options.threads
    layers = ["--layers", str(shape.num_hidden_layers)] if options.layers else []
    for weights in options.puna_weights:
        kind, _, group = weights.partition(":")
        arguments = ["--weights", kind, *(["--group", group] if group else [])]
        contenders.append(Puna(options.puna, ["--shape", shape.name, *layers],
                               f"{kind} g{group}" if group else kind, threads, arguments))
    for quantization in options.puna_files:
        path = gguf_path(options, shape, quantization)
        kind = "int4" if quantization.startswith("Q4") else "int8"
        contenders.append(Puna(options.puna, [str(path)], quantization, threads, ["--weights", kind]))
    for quantization in options.gguf:
        if options.llama_cpp or options.ik_llama_cpp:
            path = gguf_path(options, shape, quantization)
        if options.llama_cpp:
            contenders.append(LlamaCpp(options.llama_cpp, path, quantization, threads,
                                       options.llama_cpp_fa))
        if options.ik_llama_cpp:
            contenders.append(IkLlamaCpp(options.ik_llama_cpp, path, quantization, threads, ["on"]))
    if options.openvino:
        contenders.append(PythonPeer("openvino", "OpenVINO GenAI", options.openvino,
                                     options.openvino_model, "int4 g128", threads))
    if options.ctranslate2:
        contenders.append(PythonPeer("ctranslate2", "CTranslate2", options.ctranslate2,
                                     options.ctranslate2_model, "int8", threads))
    return contenders


def execute(contender: Contender, run: Run, shape: Shape) -> Record:
    begun = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    clock = time.monotonic()
    if run.ready_path:
        start_server(run.command, run.ready_path)  # once before, so that files are in the page cache
        started = start_server(run.command, run.ready_path)
        samples = [{**dataclasses.asdict(work), "value": seconds} for work, seconds in
                   [(START_WARM, started.answer_seconds), (READY_WARM, started.ready_seconds)]]
        facts, peak = {}, started.resident_bytes
    else:
        finished = run_process(run.command)
        told = [Sample(run.works[0], finished.wall_seconds)] if run.is_timed_whole else contender.parse(
            run, finished.messages if run.prints_on_stderr else finished.output)
        samples = [{**dataclasses.asdict(sample.work), "value": sample.value} for sample in told]
        facts, peak = contender.facts(finished.output), finished.peak_bytes
        missing = [work.title() for work in set(run.works) - {sample.work for sample in told}]
        if missing:
            raise OutputError(f"{shlex.join(run.command)}\nsays nothing of: {', '.join(missing)}")
    return Record(shape.label(), contender.name, contender.weights, run.settings, contender.threads,
                  without_folders(run.command), begun, time.monotonic() - clock, peak, samples, facts)


def without_folders(command: list[str]) -> str:
    return shlex.join(part.rsplit("/", 1)[-1] for part in command)


def describe(record: Record) -> str:
    values = ", ".join(f"{Work(**{k: v for k, v in sample.items() if k != 'value'}).title()}: "
                       f"{sample['value']:.2f}" for sample in record.samples)
    return (f"{record.contender} {record.weights} {record.settings} "
            f"[{record.wall_seconds:.0f} s, {record.peak_bytes / 1e9:.2f} GB] {values}")


def measure(options: argparse.Namespace) -> int:
    shape = SHAPES[options.shape].with_layers(options.layers)
    contenders = make_contenders(options, shape)
    for _ in range(options.rounds):
        for group in options.tests:
            for contender in contenders:
                for run in contender.runs(GROUPS[group]):
                    if options.dry_run:
                        print(shlex.join(run.command))
                        continue
                    record = execute(contender, run, shape)
                    results.append(options.results, record)
                    print(describe(record), flush=True)
    return 0


def report(options: argparse.Namespace) -> int:
    options.page.write_text(write_page(results.read([options.results])))
    return 0


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True, metavar="measure|report")
    words = {"type": lambda text: [part for part in text.split(",") if part]}
    path = {"type": lambda text: pathlib.Path(text).absolute()}
    run = commands.add_parser("measure", help="run the contenders, add to the results")
    run.set_defaults(act=measure)
    run.add_argument("--shape", choices=sorted(SHAPES), required=True)
    run.add_argument("--layers", type=int, help="a shorter stack, for a quick look")
    run.add_argument("--tests", default=list(GROUPS), help=f"of {','.join(GROUPS)}", **words)
    run.add_argument("--rounds", type=int, default=3)
    run.add_argument("--threads", type=int, default=2)
    run.add_argument("--models", default=ROOT / "build/peers", help="folder of GGUF files", **path)
    run.add_argument("--gguf", default=["Q4_0"], help="GGUF types for the llama.cpps", **words)
    run.add_argument("--puna", default=PUNA, **path)
    run.add_argument("--puna-weights", default=[], help="for puna bench --shape: int4:128,int8", **words)
    run.add_argument("--puna-files", default=[], help="GGUF types for puna bench FILE", **words)
    run.add_argument("--llama-cpp", help="folder of llama.cpp's binaries", **path)
    run.add_argument("--llama-cpp-fa", default=["on", "off"], help="flash attention to try", **words)
    run.add_argument("--ik-llama-cpp", help="folder of ik_llama.cpp's binaries", **path)
    run.add_argument("--openvino", help="python of a venv with openvino-genai", **path)
    run.add_argument("--openvino-model", help="exported int4 folder", **path)
    run.add_argument("--ctranslate2", help="python of a venv with ctranslate2", **path)
    run.add_argument("--ctranslate2-model", help="converted int8 folder", **path)
    run.add_argument("--dry-run", action="store_true", help="print the commands only")
    page = commands.add_parser("report", help="write the page from the results")
    page.set_defaults(act=report)
    page.add_argument("--page", default=PAGE, **path)
    for command in (run, page):
        command.add_argument("--results", default=RESULTS, help="lines of JSON", **path)
    options = parser.parse_args(arguments)
    unknown = set(getattr(options, "tests", [])) - set(GROUPS)
    if unknown:
        parser.error(f"--tests: {', '.join(sorted(unknown))}: there are {', '.join(GROUPS)}")
    return options


def main(arguments: list[str] | None = None) -> int:
    options = parse_arguments(arguments)
    try:
        return options.act(options)
    except (RunError, OutputError) as error:
        print(f"compare.py: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
