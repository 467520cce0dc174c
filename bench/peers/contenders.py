"""The contenders: each knows its command lines and how to read what they print.

A contender is a small class with two methods: `runs(group, works)` gives the processes that do a
group of works, and `parse(run, output)` gives the samples that a process printed. Nothing here
starts a process, so that recorded outputs can test it.
"""

import json
import pathlib
from collections.abc import Iterable

from work import DECODE, PREFILL, START_WARM, OutputError, Run, Sample, Work

# Tokens of context for llama-batched-bench beyond prompts and answers.
CONTEXT_SLACK = 64


def ints(values: Iterable[int]) -> str:
    return ",".join(str(value) for value in sorted(set(values)))


def parse_json(output: str) -> object:
    try:
        return json.loads(output)
    except json.JSONDecodeError as error:
        raise OutputError(f"not JSON ({error}): {output[:200]!r}") from error


def pick(run: Run, test: str, tokens: int, batch: int, depth: int) -> Work | None:
    """The work of `run` with these numbers, if it has one."""
    work = Work(test, tokens, batch, depth)
    return work if work in run.works else None


class Contender:
    """What the driver and the report need to know of a contender."""

    name = ""  # short, as in results
    title = ""  # as in tables

    def __init__(self, model: str, weights: str, threads: int):
        self.model, self.weights, self.threads = model, weights, threads

    def runs(self, works: list[Work]) -> list[Run]:
        raise NotImplementedError

    def parse(self, run: Run, output: str) -> list[Sample]:
        raise NotImplementedError

    def facts(self, output: str) -> dict[str, float]:
        """Further numbers in the output that the report shows, such as the read bandwidth."""
        del output
        return {}


class Puna(Contender):
    """`puna bench` on a named shape of random weights, or on a file."""

    name, title = "puna", "Puna"
    FACTS = ("read_bandwidth_bytes_per_second", "int8_operations_per_second", "resident_bytes",
             "load_seconds")

    def __init__(self, binary: pathlib.Path, model: list[str], weights: str, threads: int,
                 weight_arguments: list[str]):
        """`model` is how puna bench names it: ["--shape", NAME, …] or [FILE]."""
        super().__init__(" ".join(model), weights, threads)
        self.binary, self.arguments = str(binary), [*model, *weight_arguments]
        self.is_file = not model[0].startswith("--")

    def runs(self, works: list[Work]) -> list[Run]:
        """One process for each depth: puna bench measures every batch at every depth it is given."""
        common = [self.binary, "bench", *self.arguments, "--threads", str(self.threads),
                  "--rounds", "1", "--json"]
        runs = self.server() if START_WARM in works else []
        prefills = [work for work in works if work.test == PREFILL]
        if prefills:
            runs.append(Run([*common, "--prefill", ints(work.tokens for work in prefills),
                             "--decode", "0"], tuple(prefills)))
        for depth in sorted({work.depth for work in works if work.test == DECODE}):
            at_depth = tuple(work for work in works if work.test == DECODE and work.depth == depth)
            runs.append(Run([*common, "--prefill", "0", "--decode", ints(w.tokens for w in at_depth),
                             "--batch", ints(w.batch for w in at_depth), "--depth", str(depth)],
                            at_depth))
        return runs

    def server(self) -> list[Run]:
        """Only a file can be served; a named shape has no words to answer with."""
        if not self.is_file:
            return []
        command = [self.binary, "serve", *self.arguments, "--threads", str(self.threads),
                   "--host", "127.0.0.1", "--port", "{port}"]
        return [Run(command, (START_WARM,), ready_path="/ready")]

    def parse(self, run: Run, output: str) -> list[Sample]:
        report = parse_json(output)
        if not isinstance(report, dict) or not isinstance(report.get("results"), list):
            raise OutputError("puna bench printed no list `results`")
        samples = []
        for row in report["results"]:
            work = pick(run, row["test"], row["tokens"], row["batch"], row["depth"])
            if work:
                samples.append(Sample(work, row["tokens_per_second"]))
        return samples

    def facts(self, output: str) -> dict[str, float]:
        report = parse_json(output)
        shares = {f"share_of_limit {Work(row['test'], row['tokens'], row['batch'], row['depth']).title()}":
                  row["share_of_limit"] for row in report["results"] if row.get("share_of_limit")}
        facts = {key: report[key] for key in self.FACTS if key in report}
        return {**facts, "weight_bytes": report.get("model", {}).get("weight_bytes", 0), **shares}


class LlamaCpp(Contender):
    """llama.cpp: llama-bench for one stream, llama-batched-bench for many, llama-server to start."""

    name, title = "llama.cpp", "llama.cpp"
    START_ARGUMENTS = ("--no-warmup",)

    def __init__(self, binaries: pathlib.Path, model: pathlib.Path, weights: str, threads: int,
                 flash_attention: list[str]):
        """`flash_attention` lists the settings to try: "on", "off"; the report keeps the better."""
        super().__init__(str(model), weights, threads)
        self.binaries, self.flash_attention = binaries, flash_attention

    def bench(self, works: list[Work], flash: str) -> Run:
        """Prefill and one-stream decode at one depth; r=1 since the driver makes the rounds."""
        depth = works[0].depth
        command = [str(self.binaries / "llama-bench"), "-m", self.model, "-t", str(self.threads),
                   "-p", ints(w.tokens for w in works if w.test == PREFILL) or "0",
                   "-n", ints(w.tokens for w in works if w.test == DECODE) or "0",
                   "-d", str(depth), "-fa", flash, "-r", "1", "-o", "json"]
        return Run(command, tuple(works), f"fa={flash}")

    def batched(self, works: list[Work], flash: str) -> Run:
        depth, tokens = works[0].depth, works[0].tokens
        context = max(w.batch for w in works) * (depth + tokens) + CONTEXT_SLACK
        command = [str(self.binaries / "llama-batched-bench"), "-m", self.model,
                   "-t", str(self.threads), "-c", str(context), "-npp", str(depth),
                   "-ntg", str(tokens), "-npl", ints(w.batch for w in works), "-fa", flash,
                   "--output-format", "jsonl"]
        return Run(command, tuple(works), f"fa={flash}")

    def start(self) -> Run:
        """The server if it was built, else a process that loads the file and computes one token."""
        server = self.binaries / "llama-server"
        if server.exists():
            command = [str(server), "-m", self.model, "-t", str(self.threads), "-c", "4096",
                       "--host", "127.0.0.1", "--port", "{port}"]
            return Run(command, (START_WARM,), "llama-server", ready_path="/health")
        command = [str(self.binaries / "llama-bench"), "-m", self.model, "-t", str(self.threads),
                   "-p", "0", "-n", "1", "-r", "1", *self.START_ARGUMENTS, "-o", "json"]
        return Run(command, (START_WARM,), "llama-bench -n 1", is_timed_whole=True)

    def runs(self, works: list[Work]) -> list[Run]:
        runs = [self.start()] if START_WARM in works else []
        for flash in self.flash_attention:
            for depth in sorted({w.depth for w in works if w != START_WARM and w.batch == 1}):
                single = [w for w in works if w != START_WARM and w.batch == 1 and w.depth == depth]
                runs.append(self.bench(single, flash))
            many = [work for work in works if work.batch > 1]
            if many:
                runs.append(self.batched(many, flash))
        return runs

    def parse(self, run: Run, output: str) -> list[Sample]:
        batched = "batched-bench" in run.command[0]
        return self.parse_batched(run, output) if batched else self.parse_bench(run, output)

    def parse_bench(self, run: Run, output: str) -> list[Sample]:
        samples = []
        for row in parse_json(output):
            test, tokens = (DECODE, row["n_gen"]) if row["n_gen"] else (PREFILL, row["n_prompt"])
            work = pick(run, test, tokens, 1, row.get("n_depth", 0))
            if work:
                samples.append(Sample(work, row["avg_ts"]))
        return samples

    def parse_batched(self, run: Run, output: str) -> list[Sample]:
        """Lines of JSON among others; `speed_tg` is of all sequences together."""
        rows = [parse_json(line) for line in output.splitlines() if line.startswith("{")]
        found = [(pick(run, DECODE, row["tg"], row["pl"], row["pp"]), row["speed_tg"]) for row in rows]
        return [Sample(work, speed) for work, speed in found if work]


class IkLlamaCpp(LlamaCpp):
    """ik_llama.cpp: the same tools as they were when it left llama.cpp; -rtr packs at load."""

    name, title = "ik_llama.cpp", "ik_llama.cpp"
    START_ARGUMENTS = ("-w", "0", "-rtr", "1")
    FLASH = {"on": "1", "off": "0"}

    def bench(self, works: list[Work], flash: str) -> Run:
        """-gp PROMPT,TOKENS is decode at a depth: only the tokens are timed."""
        depth = works[0].depth
        command = [str(self.binaries / "llama-bench"), "-m", self.model, "-t", str(self.threads)]
        decode = [work.tokens for work in works if work.test == DECODE]
        prefill = ints(work.tokens for work in works if work.test == PREFILL) or "0"
        if depth:
            command += ["-p", prefill, "-n", "0"]
            command += [item for tokens in decode for item in ("-gp", f"{depth},{tokens}")]
        else:
            command += ["-p", prefill, "-n", ints(decode) or "0"]
        command += ["-fa", self.FLASH[flash], "-rtr", "1", "-r", "1", "-o", "json"]
        return Run(command, tuple(works), f"fa={flash}")

    def batched(self, works: list[Work], flash: str) -> Run:
        depth, tokens = works[0].depth, works[0].tokens
        context = max(w.batch for w in works) * (depth + tokens) + CONTEXT_SLACK
        command = [str(self.binaries / "llama-batched-bench"), "-m", self.model,
                   "-t", str(self.threads), "-c", str(context), "-npp", str(depth),
                   "-ntg", str(tokens), "-npl", ints(w.batch for w in works), "-rtr", "-fa", flash]
        return Run(command, tuple(works), f"fa={flash}", prints_on_stderr=True)

    def parse_bench(self, run: Run, output: str) -> list[Sample]:
        samples = []
        for row in parse_json(output):
            test, tokens = (DECODE, row["n_gen"]) if row["n_gen"] else (PREFILL, row["n_prompt"])
            depth = row["n_prompt"] if row["n_gen"] and row["test"].startswith("tg") else 0
            work = pick(run, test, tokens, 1, depth)
            if work:
                samples.append(Sample(work, row["avg_ts"]))
        return samples

    def parse_batched(self, run: Run, output: str) -> list[Sample]:
        """A table: | PP | TG | B | N_KV | T_PP s | S_PP t/s | T_TG s | S_TG t/s | T s | S t/s |"""
        samples = []
        for line in output.splitlines():
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if len(cells) != 10 or not cells[0].isdigit():
                continue
            work = pick(run, DECODE, int(cells[1]), int(cells[2]), int(cells[0]))
            if work:
                samples.append(Sample(work, float(cells[7])))
        return samples


class PythonPeer(Contender):
    """A peer that is a Python package: a script of ours drives it and prints lines of JSON."""

    def __init__(self, name: str, title: str, python: pathlib.Path, model: pathlib.Path,
                 weights: str, threads: int):
        super().__init__(str(model), weights, threads)
        self.name, self.title, self.python = name, title, str(python)
        self.script = str(pathlib.Path(__file__).parent / f"{name}_worker.py")

    def runs(self, works: list[Work]) -> list[Run]:
        """One process, but for `start`, whose clock runs from the process's first line."""
        groups = [[w for w in works if w != START_WARM], [w for w in works if w == START_WARM]]
        common = [self.python, self.script, self.model, "--threads", str(self.threads)]
        return [Run([*common, *(f"{w.test}:{w.tokens}:{w.batch}:{w.depth}" for w in group)],
                    tuple(group)) for group in groups if group]

    def parse(self, run: Run, output: str) -> list[Sample]:
        rows = [parse_json(line) for line in output.splitlines() if line.startswith("{")]
        found = [(pick(run, row["test"], row["tokens"], row["batch"], row["depth"]),
                  row["value"]) for row in rows]
        return [Sample(work, speed) for work, speed in found if work]
