"""The tables of the drift bench, as docs/benchmarks.md shows them. What stands in them is measured by `lines`."""

from collections.abc import Iterator, Sequence

import numpy as np

from bench.cells import Facts
from bench.parts.drift.counts import Found, bound_of, count_of, share_of
from bench.parts.drift.lines import LEVEL
from bench.parts.drift.over_time_tables import tell_dated, tell_slow

_TRIED = (  # of 40 tuning streams of chats: what each step gave with those before it
    ("eleven tests, the oddest decides, each window alone", 10, 12),
    ("rows of the window before joined as a second set of statistics", 10, 18),
    ("all tests added up, beside the oddest", 16, 25),
    ("words by fourth powers of their rises, not by the largest change", 19, 29),
    ("clusters of texts, by fourth powers of their rises", 29, 39),
    ("confidence less what the text foretells (for the stories below)", 28, 39),
)
_TRIED_LATER = (  # of 80 other tuning streams of chats, by 700 shuffles and a fitted tail
    ("as in the last line above", 53, 72),
    ("clusters from three starts, side by side", 57, 73),
    ("the oddest test alone needs half a standard deviation more than all together, not a whole one", 60, 74),
)
_N_STREAMS = 600  # of the first two lines, unless FSL_BENCH_STREAMS says otherwise
_N_OTHERS = 200  # of the others, unless FSL_BENCH_OTHERS does


def write_section(found: Found, measured_on: str) -> str:
    """Return the whole section."""
    head = (
        f"Machine: {measured_on}, one core, shared. Command: `python -m bench drift`, with `FSL_BENCH_DATA` naming the "
        "folder of the data sets and `FSL_BENCH_CACHE` that of their vectors. Streams are drawn from public sets "
        "embedded by the packaged encoder, answered by a logistic head that never saw the rows; 500 reference rows, "
        "windows of 200, 500 labelled rows for the accuracy curve. All tests share 3% over 90 windows. Seeds start at "
        "1,000,000; every choice was made on streams with smaller ones. In brackets Clopper-Pearson bounds (95%). "
        "Peers see the same windows: plain MMD at 5% a window, and Evidently's `DataDriftPreset` at its defaults on "
        "confidence, margin, length and answer (drift of any column counts; fewer streams, since it is slow). How a "
        f"decision comes about is told in [drift.md](drift.md).{_cut_off(found)}"
    )
    parts = [one(found) for line, one in _PARTS.items() if found[line]]
    return "\n".join(["## Drift", "", head, "", *(line for part in parts for line in (*part, ""))]).strip() + "\n"


def _same(found: Found) -> Iterator[str]:
    yield "### No change, 90 windows"
    yield ""
    yield "Streams in which anything alarmed. Aim: upper bound at most 5%; peers nearly 100%."
    yield ""
    yield "| by | streams with an alarm |"
    yield "|---|---|"
    cells = found["same"]
    yield f"| all tests of fsl together | {share_of(count_of(cells, 'alarmed'), count_of(cells, 'n'))} |"
    again = found["same again"]
    every = [*cells, *again]
    if again:
        yield f"| the same, further streams | {share_of(count_of(again, 'alarmed'), count_of(again, 'n'))} |"
        yield f"| both | {share_of(count_of(every, 'alarmed'), count_of(every, 'n'))} |"
        bounds = [bound_of(count_of(part, "alarmed"), count_of(part, "n")) for part in (cells, every)]
        yield f"| upper 95% bound, one-sided, of the first; of both | {'; '.join(bounds)} |"
    yield from _peer_rows(cells)
    by = _by(every)
    if by:
        yield ""
        yield f"What alarmed: {by}."
    if again:
        yield ""
        yield (
            "Of a chance of 3%, too, 600 streams leave the bound on either side of 5%. Further ones, whose number was "
            "settled before they were drawn, but not before the first were known, are told apart from them."
        )
    yield ""
    yield (
        "By construction the chance is at most 3%, however windows depend on each other (90 windows at 2.5 in 7,500 "
        "shuffles: an alarm at one shuffle beyond, or at none of the first half). A budget of 5% held as well, but its "
        "chance of 4.5% lies too near to the bound that 600 streams can show: an earlier form alarmed in 8 of 175. "
        "`FSL_BENCH_STREAMS` says how many of the first two lines are drawn (600 unless it does), `FSL_BENCH_OTHERS` "
        "how many of the others (200)."
    )


def _mix(found: Found) -> Iterator[str]:
    cells = found["mix"]
    n = count_of(cells, "n")
    yield "### Only the mix of classes changes"
    yield ""
    yield (
        "Up to three windows after a change of the mix (Dirichlet, 0.7), texts of each class as before. Aim: harm "
        "alarms in under 5% of streams. A peer cannot tell: its alarms are counted."
    )
    yield ""
    yield "| by | streams |"
    yield "|---|---|"
    yield f"| called harmful | {share_of(count_of(cells, 'harmful'), n)} |"
    yield f"| texts behind the answers called changed | {share_of(count_of(cells, 'behind'), n)} |"
    yield f"| change of anything seen | {share_of(count_of(cells, 'seen'), n)} |"
    yield from _peer_rows(cells)
    yield ""
    yield (
        "Texts behind an answer do change with the mix of true labels where labels are confused, so the second line is "
        "not all error; no harm follows from it. The earlier form called harmful 0 of 175 such streams."
    )


def _topic(found: Found) -> Iterator[str]:
    cells = found["topic"]
    n = count_of(cells, "n")
    yield "### A new topic in a fifth of the rows"
    yield ""
    yield (
        "Half of the streams: a domain of CLINC150; four in ten: a domain of MultiDoGO; one in ten: gold headlines "
        "among sentences of Financial PhraseBank. Aim: found within two windows in 95%."
    )
    yield ""
    yield "| by | streams |"
    yield "|---|---|"
    yield f"| found in the first window | {share_of(count_of(cells, 'first'), n)} |"
    yield f"| found within two | {share_of(count_of(cells, 'within_two'), n)} |"
    for name in sorted({name for cell in cells for name in cell["sources"]}):
        hits, of = (sum(cell["sources"].get(name, (0, 0))[place] for cell in cells) for place in (0, 1))
        yield f"| found within two, traffic of {name} | {share_of(hits, of)} |"
    yield from _peer_rows(cells, "alarmed within two, at 5% a window")
    yield ""
    yield f"What alarmed: {_by(cells)}."
    yield ""
    yield (
        'Chats are the hard part: their head is right on two rows in three, and turns such as "ok thank you" belong to '
        "every domain, so little of the new one is new."
    )
    yield from _recognised(found["recognised"])
    yield ""
    yield ("What was tried for chats, on 40 tuning streams (seeds below 1,000,000), each step with those above it:")
    yield ""
    yield from _tried(_TRIED)
    yield ""
    yield (
        "That set was looked at often, and so flattered. Of 80 streams that had no part in it (here a tail was fitted "
        "to 700 shuffles, so that many ways could be tried):"
    )
    yield ""
    yield from _tried(_TRIED_LATER)
    yield ""
    yield (
        "Every step stays inside the shuffles of one joint test, so none costs anything of the budget. By itself, the "
        "Cauchy or the harmonic mean of p-values instead of the smallest gave 13 within two; other widths of the MMD "
        "kernel, a bandwidth of a quarter or less, gave less than one did; word pairs and letter groups no more than "
        "words; 32 or 128 clusters gave 35 each. Of the later 80, against 60 and 74: texts weighted by how rare their "
        "words are, in ridge regression, clusters or words, gave 60 to 62 and 74 or 75; clusters counted twice 63 and "
        "75; cubes of hints instead of squares 61 and 74; one start of 128 clusters 54 and 71, of 32 48 and 69; 16, 32 "
        "and 64 clusters side by side 53 and 71."
    )


def _tried(steps: Sequence[tuple[str, int, int]]) -> Iterator[str]:
    yield "| tried | found in the first window | found within two |"
    yield "|---|---|---|"
    for what, first, both in steps:
        yield f"| {what} | {first} | {both} |"


def _recognised(cells: Sequence[Facts]) -> Iterator[str]:
    """Say how well each data set's domains can be known at all."""
    said = [
        f"{100 * min(shares):.0f} to {100 * max(shares):.0f}% of a domain's rows in {cell['name']}"
        for cell in cells
        for shares in [list(cell["shares"].values())]
    ]
    if said:
        yield ""
        yield (
            f"Even a classifier that learnt from {cells[0]['n_learnt']:,} rows with their domains recognises, while 5% "
            f"of the others are mistaken, {' and '.join(said)}: of a fifth of the rows, so much stands out at best."
        )


def _headlines(found: Found) -> Iterator[str]:
    yield "### Gold headlines among sentences of Financial PhraseBank"
    yield ""
    yield "| share of headlines | found in the first window | found within two |"
    yield "|---|---|---|"
    for cell in found["headlines"]:
        n = int(cell["n"])
        yield f"| {100 * cell['share']:.0f}% | {share_of(cell['first'], n)} | {share_of(cell['within_two'], n)} |"


def _harm(found: Found) -> Iterator[str]:
    cells = found["harm"]
    n = count_of(cells, "n")
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
    yield f"| called harmful in the first window | {share_of(count_of(cells, 'first'), n)} |"
    yield f"| called harmful within three | {share_of(count_of(cells, 'within_three'), n)} |"
    if cells:
        yield f"| mean absolute error, calibrated average confidence | {100 * np.abs(errors).mean():.2f} points |"
        yield f"| mean error | {100 * errors.mean():+.2f} points |"
        yield f"| mean absolute error, average thresholded confidence | {100 * np.abs(plain).mean():.2f} points |"
    yield f"| the 95% interval holds | {share_of(count_of(cells, 'held'), n)} |"


def _meaning(found: Found) -> Iterator[str]:
    yield "### Labels change their meaning, texts do not"
    yield ""
    yield (
        'Before any audit label the answer is "unknown". Then: streams in which n uniform audit labels show it, at '
        f"the level of one window ({LEVEL:.2%})."
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
    right: dict[str, list[int]] = {}
    for kind, counts in (pair for cell in cells for pair in cell["right"].items()):
        before = right.setdefault(kind, [0, 0])
        right[kind] = [before[0] + counts[0], before[1] + counts[1]]
    for kind, (hits, n) in right.items():
        yield f"| {kind} | {hits} of {n} |"
    yield f"| all | {share_of(sum(one[0] for one in right.values()), sum(one[1] for one in right.values()))} |"
    wrong = [f"{kind}: {action}" for cell in cells for kind, action in cell["wrong"]]
    if wrong:
        yield ""
        yield f"Wrong ones: {'; '.join(wrong)}."


def _cost(found: Found) -> Iterator[str]:
    yield "### What a window costs"
    yield ""
    yield (
        "384 dimensions, 77 labels, two threads, nothing else running. As many rows just before the window are joined "
        "with it. Aim: 1,000 rows against 5,000 in under 10 s on two cores and 1 GB. Of the reference the rows are "
        "kept, by their ids, and what the champion answers to labelled rows; its statistics are not, since ranks, "
        "scales and clusters are of all rows that are shuffled. Hence the seconds grow with all rows together: the "
        "window's, as many before it, and the reference's."
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
            yield f"| {title}: {what} | {share_of(hits, n)} |"


def _by(cells: Sequence[Facts]) -> str:
    counts: dict[str, int] = {}
    for cell in cells:
        for name, n in cell["by"].items():
            counts[name] = counts.get(name, 0) + n
    return ", ".join(f"{name} in {n}" for name, n in sorted(counts.items(), key=lambda one: (-one[1], one[0])))


_PARTS = {
    "same": _same,
    "mix": _mix,
    "topic": _topic,
    "headlines": _headlines,
    "slow": tell_slow,
    "dated": tell_dated,
    "harm": _harm,
    "meaning": _meaning,
    "stories": _stories,
    "cost": _cost,
}
_TITLES = {
    "mix": "the mix of classes",
    "headlines": "gold headlines at three shares",
    "slow": "a topic that grows",
    "dated": "texts in order of time",
    "meaning": "labels that change their meaning",
}


def _cut_off(found: Found) -> str:
    """Say so where not every stream was drawn."""
    wanted = {"same": _N_STREAMS, "mix": _N_STREAMS, "topic": _N_OTHERS, "harm": _N_OTHERS}
    if all(count_of(found[line], "n") >= n for line, n in wanted.items()) and all(found[line] for line in _PARTS):
        return ""
    said = (
        f" The run was cut off before all streams were drawn ({_N_STREAMS} of the first two lines, {_N_OTHERS} of the "
        "others): each table says of how many it is. What was measured is kept, so the same command goes on; "
        "`FSL_BENCH_MINUTES` sets such an end."
    )
    missing = [title for line, title in _TITLES.items() if not found[line]]
    return said + (f" Not reached: {', '.join(missing)}." if missing else "")
