"""How the distillation bench prints its section."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bench.parts.students.tables import interval, older_words

Facts = dict[str, Any]

HALF_WORDS = (
    "Banking77, 10 rows per label, the rest of train without labels as the pool. The teacher is MiniLM-L6, adapted to "
    "the labelled rows; the student keeps three of its six layers. `plain fine-tune` is the same three layers on the "
    "labelled rows alone, 12 epochs. Shares of official test rows answered rightly before export, in per cent, mean "
    "over draws with the 95% interval (Student's t). Aim: 99% of the teacher's accuracy."
)
TIME_WORDS = (
    "Banking77, 10 rows per label (draw 0) and 5,000 pool texts, two threads, nothing else running. fsl: teacher and "
    "student are MiniLM-L6; the clock runs from labelled rows to the trained student. SetFit 1.2.0 has the same "
    "encoder, all its defaults, no use for a pool, and was cut after so many steps; the time of its whole defaults is "
    "that of the steps it plans, at the speed that was measured. Aim: 5 times quicker and at least as accurate."
)
GROWTH_WORDS = (
    "Classes: CLINC150, 10 rows each, no pool, one epoch for the teacher and one for the student, so that the time of "
    "the fixed parts shows as well. Pool: soft labels from vectors on (head, neighbours, spreading, joining) for 77 "
    "labels with 10 rows each, on 384 numbers a text drawn around 77 centres, since time and memory do not depend on "
    "what texts say; each in a process of its own, whose peak counts all that Python and torch bring. Embedding and "
    "the student's epochs come on top and take a fixed time a text. Aim: linear, and 100,000 texts within 2 GB."
)


def write_section(found: Mapping[str, Facts], classes: Sequence[int], pools: Sequence[int]) -> str:
    """Return the section of docs/benchmarks.md."""
    measured_on = next((facts["machine"] for facts in found.values() if "machine" in facts), "not measured yet")
    lines = ["## Distillation", "", f"`python -m bench distill`. Machine: {measured_on}.", ""]
    lines += ["### Half the layers", "", HALF_WORDS, "", *_half(found), ""]
    lines += ["### Train time", "", TIME_WORDS, "", *_time(found), ""]
    lines += ["### Growth", "", GROWTH_WORDS, "", *_classes(found, classes), "", *_pools(found, pools), ""]
    return "\n".join(lines)


def _half(found: Mapping[str, Facts]) -> list[str]:
    cells = [facts for name, facts in found.items() if name.startswith("half-")]
    head = [
        "| draws | teacher | distilled half | plain fine-tune of the half | distilled, in % of the teacher "
        "| gain over the fine-tune | CPU s |",
        "|---|---|---|---|---|---|---|",
    ]
    if not cells:
        return [*head, "| 0 | not measured yet | not measured yet | not measured yet | – | – | – |"]
    parts = [
        str(len(cells)) + older_words(cells),
        *(interval([100.0 * cell[one] for cell in cells]) for one in ("teacher", "distilled", "fine_tune")),
        interval([100.0 * cell["distilled"] / cell["teacher"] for cell in cells]),
        interval([100.0 * (cell["distilled"] - cell["fine_tune"]) for cell in cells], sign=True),
        f"{np.mean([cell['cpu_seconds'] for cell in cells]):,.0f}",
    ]
    return [*head, f"| {' | '.join(parts)} |"]


def _time(found: Mapping[str, Facts]) -> list[str]:
    head = ["| learner | train time, s | official test rows right | times fsl's |", "|---|---|---|---|"]
    ours, peer = found.get("time-fsl"), found.get("time-setfit")
    own = f"{ours['seconds']:,.0f} | {100 * ours['accuracy']:.1f}% | 1" if ours else "not measured yet | – | –"
    rows = [*head, f"| fsl, one candidate{older_words([ours] if ours else [])} | {own} |"]
    if peer is None:
        return [*rows, "| SetFit | not measured yet | – | – |"]
    whole = peer["seconds"] / peer["n_steps"] * peer["n_default_steps"]
    times = [f"{one / ours['seconds']:,.1f}" if ours else "–" for one in (peer["seconds"], whole)]
    right = f"{100 * peer['accuracy']:.1f}%"
    return [
        *rows,
        f"| SetFit, cut after {peer['n_steps']:,} steps | {peer['seconds']:,.0f} | {right} | {times[0]} |",
        f"| SetFit, all {peer['n_default_steps']:,} steps, extrapolated | {whole:,.0f} | not run | {times[1]} |",
    ]


def _classes(found: Mapping[str, Facts], classes: Sequence[int]) -> list[str]:
    rows = ["| classes | labelled rows | train time, s | ms a row |", "|---|---|---|---|"]
    for n in classes:
        cell = found.get(f"classes-{n}")
        said = (
            f"{cell['n_train']:,} | {cell['seconds']:.1f} | {1000 * cell['seconds'] / cell['n_train']:.1f}"
            if cell
            else "– | not measured yet | –"
        )
        rows.append(f"| {n} | {said} |")
    return rows


def _pools(found: Mapping[str, Facts], pools: Sequence[int]) -> list[str]:
    rows = ["| pool | soft labels, s | ms a text | peak of the process, GB |", "|---|---|---|---|"]
    for n in pools:
        timed, looked = found.get(f"pool-{n}"), found.get(f"memory-{n}")
        time = f"{timed['seconds']:.1f} | {1000 * timed['seconds'] / n:.2f}" if timed else "not measured yet | –"
        peak = f"{looked['peak_gb']:.2f}" if looked else "not measured yet"
        rows.append(f"| {n:,} | {time} | {peak} |")
    return rows
