"""Makes the tables of docs/PERFORMANCE.md from records; the words around them are performance.md.in."""

import pathlib
import re
import statistics

import results
from results import Record
from work import ALL_WORKS, DECODE, PREFILL, READY, READY_WARM, START_WARM, Work

TEMPLATE = pathlib.Path(__file__).parent / "performance.md.in"
TITLES = {"puna": "Puna", "llama.cpp": "llama.cpp", "ik_llama.cpp": "ik_llama.cpp",
          "openvino": "OpenVINO", "ctranslate2": "CTranslate2"}
DECODE_1, DEEP_1 = Work(DECODE, 32), Work(DECODE, 32, depth=1024)
BATCH_4, BATCH_8, BATCH_16 = (Work(DECODE, 32, batch, 16) for batch in (4, 8, 16))
PREFILL_512 = Work(PREFILL, 512)

# What 4-bit Puna shall reach as a multiple of a peer; "packages" is the better of OpenVINO and
# CTranslate2. Of times it is the peer's seconds over ours.
TARGETS: dict[str, dict[str, dict[Work, float]]] = {
    "llama-2-7b": {
        "llama.cpp": {PREFILL_512: 2.7, DECODE_1: 1.1, DEEP_1: 1.5, BATCH_4: 3, BATCH_8: 3.5,
                      BATCH_16: 3, READY_WARM: 10},
        "ik_llama.cpp": {PREFILL_512: 1.6, DECODE_1: 1.0, DEEP_1: 1.2, BATCH_4: 1.7, BATCH_8: 1.7,
                         BATCH_16: 1.7},
    },
    "smollm2-135m": {"llama.cpp": {PREFILL_512: 2, DECODE_1: 1.1}},
    "tinyllama-1.1b": {"packages": {PREFILL_512: 1.5, DECODE_1: 1.5, BATCH_16: 2, START_WARM: 5}},
}

MAIN_SHAPES = {"llama-2-7b": "Llama-2-7B", "llama-2-13b": "Llama-2-13B", "smollm2-135m": "SmolLM2-135M"}
MAIN_WORKS = {PREFILL_512: "reads a prompt", DECODE_1: "answers one", BATCH_8: "answers eight at once"}

Contender = tuple[str, str]  # name, weights


def targets(shape: str, peer: str) -> dict[Work, float]:
    """Of a whole shape and of the same with a shorter stack ("llama-2-7b-8l")."""
    return TARGETS.get(re.sub(r"-\d+l$", "", shape), {}).get(peer, {})


def bits(contender: Contender) -> int:
    return 4 if contender[1].lower().startswith(("int4", "q4")) else 8


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def title(contender: Contender) -> str:
    return f"{TITLES[contender[0]]} {contender[1]}"


def spread(median: results.Median | None, unit: str = "") -> str:
    """The median, and the samples' range where there are several."""
    if median is None:
        return "–"
    digits = 1 if median.value >= 100 else 2
    text = f"**{median.value:.{digits}f}**{unit}"
    if len(median.samples) > 1:
        text += f" ({min(median.samples):.{digits}f}–{max(median.samples):.{digits}f})"
    return text + (f" {median.settings}" if median.settings else "")


def contenders_of(records: list[Record], shape: str, width: int) -> list[Contender]:
    """In the order of their first run. CTranslate2 has int8 only and stands beside 4 bits too."""
    seen = dict.fromkeys(results.key(record) for record in records if record.shape == shape)
    return [one for one in seen if bits(one) == width or one[0] == "ctranslate2"]


def speeds(records: list[Record], shape: str, contenders: list[Contender]) -> str:
    rows = []
    for work in ALL_WORKS:
        medians = [results.median(records, shape, one, work) for one in contenders]
        if any(medians):
            unit = " s" if work.is_time() else ""
            rows.append([work.title(), *(spread(median, unit) for median in medians)])
    return table(["work", *(title(one) for one in contenders)], rows)


def peer_median(records: list[Record], shape: str, peers: list[Contender],
                work: Work) -> results.Median | None:
    """The better of the peers' medians."""
    found = [median for peer in peers if (median := results.median(records, shape, peer, work))]
    better = min if work.is_time() else max
    return better(found, key=lambda median: median.value, default=None)


def ratio_cell(ours: results.Median | None, theirs: results.Median | None, work: Work,
               target: float | None) -> str:
    if not ours or not theirs:
        return "–"
    ratio = theirs.value / ours.value if work.is_time() else ours.value / theirs.value
    goal = f" (≥ {target:g}: {'yes' if ratio >= target else 'no'})" if target else ""
    return f"{ratio:.2f}×{goal}"


def ratios(records: list[Record], shape: str, contenders: list[Contender]) -> str:
    """Puna over each peer; the packages of TinyLlama count as one peer, the better of them."""
    puna = [one for one in contenders if one[0] == "puna"]
    groups = {name: [one for one in contenders if one[0] == name] for name in ("llama.cpp", "ik_llama.cpp")}
    groups["packages"] = [one for one in contenders if one[0] in ("openvino", "ctranslate2")]
    columns = [(ours, name, peers) for ours in puna for name, peers in groups.items() if peers]
    names = {"packages": "the better of OpenVINO, CTranslate2"}
    rows = []
    for work in ALL_WORKS:
        cells = []
        for ours, name, peers in columns:
            is_four_bits = bits(ours) == 4
            target = targets(shape, name).get(work) if is_four_bits else None
            cells.append(ratio_cell(results.median(records, shape, ours, work),
                                    peer_median(records, shape, peers, work), work, target))
        if set(cells) - {"–"}:
            rows.append([work.title(), *cells])
    return table(["ratio", *(f"{title(ours)} / {names.get(name, name)}" for ours, name, _ in columns)], rows)


def limits(records: list[Record], shape: str, contenders: list[Contender]) -> str:
    """Puna's share of the machine's limit, both measured by the same process."""
    puna = [one for one in contenders if one[0] == "puna"]
    rows = []
    for work in ALL_WORKS:
        shares = [results.fact(records, f"share_of_limit {work.title()}", shape, one) for one in puna]
        if any(shares):
            rows.append([work.title(), *(f"{statistics.median(share):.0%}" if share else "–"
                                         for share in shares)])
    return table(["share of the limit", *(title(one) for one in puna)], rows) if rows else ""


def memory(records: list[Record], shape: str, contenders: list[Contender]) -> str:
    rows = []
    for one in contenders:
        mine = [record for record in records if record.shape == shape and results.key(record) == one]
        served = [record for record in mine
                  if any(sample["test"] == READY for sample in record.samples)]
        others = [record.peak_bytes for record in mine if record not in served]
        rows.append([title(one), f"{max(others) / 1e9:.2f} GB" if others else "–",
                     f"{max(record.peak_bytes for record in served) / 1e9:.2f} GB" if served else "–"])
    return table(["", "most resident in any run", "server after its first answer"], rows)


def section(records: list[Record], shape: str, width: int) -> str:
    contenders = contenders_of(records, shape, width)
    if not any(bits(one) == width for one in contenders):
        return ""
    parts = [f"### {shape}, {width} bits", speeds(records, shape, contenders)]
    if any(one[0] == "puna" for one in contenders) and len(contenders) > 1:
        parts += [ratios(records, shape, contenders), limits(records, shape, contenders)]
    parts.append(memory(records, shape, contenders))
    return "\n\n".join(part for part in parts if part)


def summary(records: list[Record]) -> str:
    """What a reader comes for: tokens per second of each engine with a whole model in 4 bits."""
    engines = [name for name in ("puna", "llama.cpp", "ik_llama.cpp") if any(one.contender == name for one in records)]
    rows = []
    for shape, model in MAIN_SHAPES.items():
        contenders = [one for one in contenders_of(records, shape, 4) if bits(one) == 4]
        for work, words in MAIN_WORKS.items():
            medians = [peer_median(records, shape, [one for one in contenders if one[0] == engine], work)
                       for engine in engines]
            cells = [f"{one.value:,.{0 if one.value >= 100 else 1}f}" if one else "–" for one in medians]
            if any(medians):
                rows.append([model, words, *cells])
    return table(["tokens per second, 4 bits", "", *(TITLES[name] for name in engines)], rows)


def readings(records: list[Record]) -> str:
    """The machine's limits as `puna bench` read them in between."""
    lines = []
    for name, words, unit in [("read_bandwidth_bytes_per_second", "reading memory", "GB/s"),
                              ("int8_operations_per_second", "int8 multiply-add", "GOP/s")]:
        values = [value / 1e9 for value in results.fact(records, name)]
        if values:
            lines.append(f"- {words}: median {statistics.median(values):.1f} {unit}, "
                         f"{min(values):.1f}–{max(values):.1f} in {len(values)} readings")
    return "\n".join(lines) or "- no readings: Puna did not run"


def commands(records: list[Record]) -> str:
    """One line for each kind of run."""
    return "\n".join(f"    {command}" for command in dict.fromkeys(record.command for record in records))


def write_page(records: list[Record]) -> str:
    shapes = dict.fromkeys(record.shape for record in records)
    sections = [section(records, shape, width) for shape in shapes for width in (4, 8)]
    days = sorted({record.time[:10] for record in records})
    filled = {"{summary}": summary(records), "{tables}": "\n\n".join(part for part in sections if part),
              "{readings}": readings(records), "{commands}": commands(records), "{days}": " and ".join(days[::max(len(days) - 1, 1)])}
    page = TEMPLATE.read_text()
    for place, text in filled.items():
        page = page.replace(place, text)
    return page
