"""The tables of the inference benchmark: every engine's row, and every aim with what was found."""

from collections.abc import Iterator

from bench.cells import Facts

SETS = ("intents", "headlines", "256 tokens")
BASE = "PyTorch eager fp32"
BF16 = "PyTorch eager bf16"
NOTES = (
    "- A transformers pipeline pools nothing, so its users take the mean over padding, too: other labels.",
    "- Static scales let texts run together, which dynamic ones do not: an answer would depend on its batch-mates.",
    "- A head-only update is one fit of four strengths, and a gate that asks each judge row by itself, as served: "
    "its time is that of one text for every judge row.",
    "",
)
PEER = "sentence-transformers ONNX int8"


def section(
    cells: dict[tuple[str, int], Facts],
    bundles: Facts,
    parts: Facts,
    head: Facts | None,
    truth: list[int],
    where: str,
) -> str:
    """Return the section for docs/benchmarks.md."""
    loads = [cell["load"] for cell in cells.values() if "load" in cell]
    columns = " | ".join(f"{name}: p50 / p95 ms, rows/s" for name in SETS)
    lines = [
        "## Inference",
        "",
        "`python -m bench inference`",
        "",
        "MiniLM-L6 with a head for the 77 intents of Banking77, the same weights for all. "
        f"Machine: {where}; load average {min(loads):.1f} to {max(loads):.1f}. p50 and p95 are of one text at a time, "
        "rows a second of a stream with the engine's own batching, the best of three. Of the intents: the same label "
        "as PyTorch's fp32, and the right one.",
        "",
        f"| engine | threads | {columns} | first answer s | memory MB | same label | right |",
        "|---|---|" + "---|" * len(SETS) + "---|---|---|---|",
        *_rows_of(cells, truth),
        "",
        *_aims(cells, bundles, parts, head),
        "",
        *_recipes(bundles["int8"]["trials"]),
        "",
        "Rows a second of a stream by what runs together, one thread: at most "
        + "; ".join(f"{width}, {rate:,.0f}" for width, rate in parts["widths"].items())
        + ".",
        "",
        *NOTES,
    ]
    return "\n".join(lines)


def _rows_of(cells: dict[tuple[str, int], Facts], truth: list[int]) -> Iterator[str]:
    base = next(
        (cell["labels"]["intents"] for (name, _), cell in cells.items() if name == BASE and "labels" in cell), None
    )
    for (name, threads), cell in cells.items():
        if "missing" in cell:
            yield f"| {name} | {threads} | not measured: {cell['missing'].replace('|', '/')} | | | | | | |"
            continue
        sets = [cell["sets"][one] for one in SETS]
        shown = [f"{one['p50_ms']:.2f} / {one['p95_ms']:.2f}, {one['rows_per_second']:,.0f}" for one in sets]
        own = cell["labels"]["intents"]
        same, right = (_share(own, base) if base else "–"), _share(own, truth)
        load, memory = f"{cell['first_answer_seconds']:.2f}", f"{cell['rss_mb']:.0f}"
        yield f"| {name} | {threads} | {' | '.join(shown)} | {load} | {memory} | {same} | {right} |"


def _share(own: list[int], others: list[int]) -> str:
    return f"{sum(a == b for a, b in zip(own, others, strict=True)) / len(own):.1%}"


def _recipes(trials: list[Facts]) -> Iterator[str]:
    """Yield what the search found: the recipes in the order in which they were looked at, the one that ships last."""
    yield "| int8 recipe | ms alone | ms in a stream | MB | answers changed | bound | what became of it |"
    yield "|---|---|---|---|---|---|---|"
    for trial in trials:
        measured = trial["n_texts"] > 0
        changed = f"{trial['n_changed']} of {trial['n_texts']:,}" if measured else "not counted"
        bound = f"{trial['upper_bound']:.2%}" if measured else ""
        fate = trial["refused"] or ("ships" if trial is trials[-1] and measured else "not quicker than what ships")
        yield (
            f"| {trial['recipe']} | {trial['ms_per_text']:.2f} | {trial['ms_in_stream']:.2f} | "
            f"{trial['size_bytes'] / 1e6:.1f} | {changed} | {bound} | {fate} |"
        )


def _aims(cells: dict[tuple[str, int], Facts], bundles: Facts, parts: Facts, head: Facts | None) -> Iterator[str]:
    def of(name: str, what: str) -> float | None:
        cell = cells.get((name, 1), {})
        return float(cell["sets"]["intents"][what]) if "sets" in cell else None

    def ratio(above: float | None, below: float | None) -> str:
        return f"{above / below:.1f} times" if above and below else "not measured"

    ours = cells["fsl int8", 1]
    rate = of("fsl int8", "rows_per_second")
    steps, served = (
        ", ".join(f"{name} {share:.0%}" for name, share in parts[kind].items()) for kind in ("steps", "served_steps")
    )
    stream = parts["stream"]
    yield "| figure, one thread | aim | found |"
    yield "|---|---|---|"
    rows = {
        "one intent at a time, against PyTorch eager fp32 at p50 | 6 times": ratio(
            of(BASE, "p50_ms"), of("fsl int8", "p50_ms")
        ),
        "stream of intents, against PyTorch eager fp32 | 4 times": ratio(rate, of(BASE, "rows_per_second")),
        "stream of intents, against PyTorch eager bf16 | 2 times": ratio(rate, of(BF16, "rows_per_second")),
        "stream of intents, against the ONNX int8 peer | 1.3 times": ratio(rate, of(PEER, "rows_per_second")),
        "share of the int8 product rate at 32 × 64 | 50%": (
            f"{parts['served_share']:.0%} of {parts['product_gops']:,.0f} Gop/s as it is served, {parts['width']} "
            f"texts at a time ({served}); {parts['share']:.0%} in one run ({steps}). "
            f"Of a stream, reading is {stream['read']:.0%} and the encoder {stream['encode']:.0%}"
        ),
        "import and load to first answer | under 1 s": f"{ours['first_answer_seconds']:.2f} s",
        "resident memory while serving | under 250 MB": f"{ours['rss_mb']:.0f} MB",
        "bundle size, int8 | under 25 MB": f"{bundles['int8']['served_bytes'] / 1e6:.1f} MB",
    }
    if head:
        rows[f"head-only update at {head['n_rows']:,} rows | under 10 s, 100 kB"] = (
            f"{sum(head[f'{part}_seconds'] for part in ('refit', 'gate', 'publish')):.1f} s: "
            f"refit {head['refit_seconds']:.1f} s, gate {head['gate_seconds']:.1f} s, publication "
            f"{head['publish_seconds']:.1f} s; {head['uploaded_bytes'] / 1e3:.0f} kB, "
            f"and {head['step_bytes'] / 1e3:.0f} kB for the run's own step"
        )
    yield from (f"| {figure} | {found} |" for figure, found in rows.items())
