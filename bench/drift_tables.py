"""The tables of the drift bench, as docs/benchmarks.md shows them. What stands in them is measured by `drift_lines`."""

from collections.abc import Iterator, Sequence

import numpy as np

from bench.cells import Facts
from fsl.evaluation.scores.intervals import clopper_pearson_interval

Found = dict[str, list[Facts]]
_N_STREAMS = 600  # of the first two lines, unless FSL_BENCH_STREAMS says otherwise


def write_section(found: Found, measured_on: str) -> str:
    """Return the whole section."""
    head = (
        f"Machine: {measured_on}, one core, shared. Command: `{_command(found)}`, with `FSL_BENCH_DATA` naming the "
        "folder of the data sets and `FSL_BENCH_CACHE` that of their vectors. Streams are drawn from public sets "
        "embedded by the packaged encoder, answered by a logistic head that never saw the rows; 500 reference rows, "
        "windows of 200, 500 labelled rows for the accuracy curve. All tests share 5% over 90 windows. Seeds start at "
        "1,000,000; every choice was made on streams with smaller ones. In brackets Clopper-Pearson bounds (95%). "
        "Peers see the same windows: plain MMD at 5% a window, and Evidently's `DataDriftPreset` at its defaults on "
        "confidence, margin, length and answer (drift of any column counts; fewer streams, since it is slow). How a "
        "decision comes about is told in [drift.md](drift.md)."
    )
    parts = [_same, _mix, _topic, _headlines, _slow, _dated, _harm, _meaning, _stories, _cost]
    return (
        "\n".join(["## Drift", "", head, "", *(line for part in parts for line in (*part(found), ""))]).strip() + "\n"
    )


def _same(found: Found) -> Iterator[str]:
    yield "### No change, 90 windows"
    yield ""
    yield "Streams in which anything alarmed. Aim: upper bound at most 5%; peers nearly 100%."
    yield ""
    yield "| by | streams with an alarm |"
    yield "|---|---|"
    cells = found["same"]
    yield f"| all tests of fsl together | {_share(_sum(cells, 'alarmed'), _sum(cells, 'n'))} |"
    yield from _peer_rows(cells)
    by = _by(cells)
    if by:
        yield ""
        yield f"What alarmed: {by}."
    yield ""
    yield (
        "By construction the chance is at most 3.6% (90 windows at 2 in 5,000 shuffles), so a bound of 5% takes many "
        "streams; `FSL_BENCH_STREAMS` says how many of the first two lines are drawn (600 unless it does)."
    )


def _mix(found: Found) -> Iterator[str]:
    cells = found["mix"]
    n = _sum(cells, "n")
    yield "### Only the mix of classes changes"
    yield ""
    yield (
        "Up to three windows after a change of the mix (Dirichlet, 0.7), texts of each class as before. Aim: harm "
        "alarms in under 5% of streams. A peer cannot tell: its alarms are counted."
    )
    yield ""
    yield "| by | streams |"
    yield "|---|---|"
    yield f"| called harmful | {_share(_sum(cells, 'harmful'), n)} |"
    yield f"| texts behind the answers called changed | {_share(_sum(cells, 'behind'), n)} |"
    yield f"| change of anything seen | {_share(_sum(cells, 'seen'), n)} |"
    yield from _peer_rows(cells)
    yield ""
    yield (
        "Texts behind an answer do change with the mix of true labels where labels are confused, so the second line is "
        "not all error; no harm follows from it."
    )


def _topic(found: Found) -> Iterator[str]:
    cells = found["topic"]
    n = _sum(cells, "n")
    yield "### A new topic in a fifth of the rows"
    yield ""
    yield (
        "Half of the streams: a domain of CLINC150; four in ten: a domain of MultiDoGO; one in ten: gold headlines "
        "among sentences of Financial PhraseBank. Aim: found within two windows in 95%."
    )
    yield ""
    yield "| by | streams |"
    yield "|---|---|"
    yield f"| found in the first window | {_share(_sum(cells, 'first'), n)} |"
    yield f"| found within two | {_share(_sum(cells, 'within_two'), n)} |"
    for name in sorted({name for cell in cells for name in cell["sources"]}):
        hits, of = (sum(cell["sources"].get(name, (0, 0))[place] for cell in cells) for place in (0, 1))
        yield f"| found within two, traffic of {name} | {_share(hits, of)} |"
    yield from _peer_rows(cells, "alarmed within two, at 5% a window")
    yield ""
    yield f"What alarmed: {_by(cells)}."
    yield ""
    yield (
        'Chats fall short: their head is right on two rows in three, and turns such as "ok thank you" belong to every '
        "domain, so little of the new one is new. MMD at 5% a window finds more, and alarms nearly always without it."
    )


def _headlines(found: Found) -> Iterator[str]:
    yield "### Gold headlines among sentences of Financial PhraseBank"
    yield ""
    yield "| share of headlines | found in the first window | found within two |"
    yield "|---|---|---|"
    for cell in found["headlines"]:
        n = int(cell["n"])
        yield f"| {100 * cell['share']:.0f}% | {_share(cell['first'], n)} | {_share(cell['within_two'], n)} |"


def _slow(found: Found) -> Iterator[str]:
    cells = found["slow"]
    n, n_windows = _sum(cells, "n"), int(cells[0]["n_windows"]) if cells else 0
    yield "### A topic that grows by 2% of the rows a window"
    yield ""
    yield (
        "The topics of the line before last, from 2% in the first window on. Streams found up to each window, with the "
        "window before joined, as every look does, and with each window alone."
    )
    yield ""
    shown = [window for window in range(1, n_windows + 1) if window % 2 == 0]
    yield "| looked at | " + " | ".join(f"window {window} ({2 * window}%)" for window in shown) + " |"
    yield "|---|" + "---|" * len(shown)
    for name, title in (("joined", "joined with the window before"), ("alone", "each window alone")):
        places = [place for cell in cells for place in cell["found"][name]]
        counts = [sum(0 < place <= window for place in places) for window in shown]
        yield f"| {title} | " + " | ".join(f"{100 * count / n:.0f}%" for count in counts) + " |"
    yield ""
    yield f"{n} streams."


def _dated(found: Found) -> Iterator[str]:
    yield "### Real texts in order of time"
    yield ""
    yield (
        "A head of the oldest rows, labelled rows for the curve after them, then 500 reference rows and windows of 200 "
        "in order of date. No right answer is known for drift; for accuracy it is, since every row has its label. A "
        "window is looked at against the reference, and against the 500 rows just before it (what moved lately?)."
    )
    yield ""
    yield (
        "| texts | reference | windows | alarmed | alarmed against the rows just before | called harmful | accuracy, "
        "reference | accuracy, windows: mean, lowest | mean absolute error of the estimate |"
    )
    yield "|---|---|---|---|---|---|---|---|---|"
    for cell in found["dated"]:
        rows = cell["windows"]
        n, right = len(rows), [row["accuracy"] for row in rows]
        errors = [abs(row["estimate"] - row["accuracy"]) for row in rows if row["estimate"] is not None]
        parts = [
            cell["name"],
            " to ".join(cell["reference"]),
            str(n),
            *(f"{sum(bool(row[key]) for row in rows)} of {n}" for key in ("alarms", "lately")),
            f"{sum(row['harm'] == 'yes' for row in rows)} of {n}",
            f"{100 * cell['accuracy']:.1f}%",
            f"{100 * np.mean(right):.1f}%, {100 * min(right):.1f}%",
            f"{100 * np.mean(errors):.1f} points" if errors else "no estimate",
        ]
        yield f"| {' | '.join(parts)} |"
    yield ""
    for cell in found["dated"]:
        alarmed = [row for row in cell["windows"] if row["alarms"]]
        counts: dict[str, int] = {}
        for name in (name for row in alarmed for name in row["alarms"]):
            counts[name] = counts.get(name, 0) + 1
        first = f"the first alarm in the window that ends {alarmed[0]['to']}" if alarmed else "no alarm"
        by = ", ".join(f"{name} in {n}" for name, n in sorted(counts.items(), key=lambda one: (-one[1], one[0])))
        yield f"{cell['name']}: {first}" + (f"; what alarmed: {by}." if by else ".")
        yield ""


def _harm(found: Found) -> Iterator[str]:
    cells = found["harm"]
    n = _sum(cells, "n")
    errors = np.array([error for cell in cells for error in cell["errors"]])
    plain = np.array([error for cell in cells for error in cell["by_threshold"]])
    yield "### Accuracy falls through harder texts"
    yield ""
    yield (
        "Texts of CLINC150 and Banking77 drawn by how hard they are for another head, until accuracy falls by 10 "
        "points. Aims: called harmful within three windows in 90%; mean absolute error of the estimate over 1,000 rows "
        "at most 3 points; interval coverage at least 90%."
    )
    yield ""
    yield "| measure | value |"
    yield "|---|---|"
    yield f"| called harmful in the first window | {_share(_sum(cells, 'first'), n)} |"
    yield f"| called harmful within three | {_share(_sum(cells, 'within_three'), n)} |"
    yield f"| mean absolute error, calibrated average confidence | {100 * np.abs(errors).mean():.2f} points |"
    yield f"| mean error | {100 * errors.mean():+.2f} points |"
    yield f"| mean absolute error, average thresholded confidence | {100 * np.abs(plain).mean():.2f} points |"
    yield f"| the 95% interval holds | {_share(_sum(cells, 'held'), n)} |"


def _meaning(found: Found) -> Iterator[str]:
    yield "### Labels change their meaning, texts do not"
    yield ""
    yield (
        'Before any audit label the answer is "unknown". Then: streams in which n uniform audit labels show it, at '
        "the level of one window (0.06%)."
    )
    yield ""
    counts = list(found["meaning"][0]["found"]) if found["meaning"] else []
    yield "| accuracy falls by | unknown before | " + " | ".join(f"n = {count}" for count in counts) + " |"
    yield "|---|---|" + "---|" * len(counts)
    for cell in found["meaning"]:
        shares = [f"{100 * cell['found'][count] / cell['n']:.0f}%" for count in counts]
        yield f"| {100 * cell['fall']:.0f} points | {cell['before']} of {cell['n']} | {' | '.join(shares)} |"


def _stories(found: Found) -> Iterator[str]:
    yield "### The right action"
    yield ""
    yield "Scripted stories on CLINC150, one window each, decided by the table of the config. Aim: 90%."
    yield ""
    yield "| story | right |"
    yield "|---|---|"
    cells = found["stories"]
    total = [0, 0]
    for kind, (right, n) in (pair for cell in cells for pair in cell["right"].items()):
        total = [total[0] + right, total[1] + n]
        yield f"| {kind} | {right} of {n} |"
    yield f"| all | {_share(*total)} |"
    wrong = [f"{kind}: {action}" for cell in cells for kind, action in cell["wrong"]]
    if wrong:
        yield ""
        yield f"Wrong ones: {'; '.join(wrong)}."


def _cost(found: Found) -> Iterator[str]:
    yield "### What a window costs"
    yield ""
    yield (
        "384 dimensions, 77 labels, two threads; seconds are those of a machine that others used meanwhile, so CPU "
        "seconds say more. Aim: 1,000 rows against 5,000 in under 10 s on two cores and 1 GB."
    )
    yield ""
    yield "| rows | against | changed | seconds | CPU seconds | peak MB of the process |"
    yield "|---|---|---|---|---|---|"
    for row in (row for cell in found["cost"] for row in cell["rows"]):
        changed = "yes" if row["changed"] else "no"
        yield (
            f"| {row['n_current']:,} | {row['n_reference']:,} | {changed} | {row['wall_s']:.1f} | {row['cpu_s']:.1f} "
            f"| {row['peak_mb']:.0f} |"
        )


def _peer_rows(cells: Sequence[Facts], what: str = "alarmed") -> Iterator[str]:
    for name, title in (("mmd", "plain MMD"), ("evidently", "Evidently's preset")):
        hits, n = (sum(cell["peers"][name][place] for cell in cells) for place in (0, 1))
        if n:
            yield f"| {title}: {what} | {_share(hits, n)} |"


def _by(cells: Sequence[Facts]) -> str:
    counts: dict[str, int] = {}
    for cell in cells:
        for name, n in cell["by"].items():
            counts[name] = counts.get(name, 0) + n
    return ", ".join(f"{name} in {n}" for name, n in sorted(counts.items(), key=lambda one: (-one[1], one[0])))


def _command(found: Found) -> str:
    n = _sum(found["same"], "n")
    return "python -m bench drift" if n == _N_STREAMS else f"FSL_BENCH_STREAMS={n} python -m bench drift"


def _sum(cells: Sequence[Facts], name: str) -> int:
    return sum(int(cell[name]) for cell in cells)


def _share(hits: int, n: int) -> str:
    if not n:
        return "not measured"
    bounds = clopper_pearson_interval(hits, n)
    return f"{hits} of {n}, {100 * hits / n:.1f}% ({100 * bounds.low:.1f} to {100 * bounds.high:.1f}%)"
