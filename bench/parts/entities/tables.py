"""How the entities bench prints its section."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from bench.parts.students.tables import interval, older_words

Facts = dict[str, Any]

WORDS = (
    "WNUT-17 has 6 types; Few-NERD is the small re-split part with 36. Sentences are drawn from the train part until "
    "each type stands in so many of them (or in all that there are); the other train sentences, without labels, are "
    "the pool. Figures are the F1 of whole entities over all official test sentences, in per cent: right are only "
    "those whose start, end and type are. They are means over draws with their 95% interval (Student's t); a gain is "
    "the paired difference on the same draws. `probe` is a head on the frozen MiniLM, chosen by cross-validation; "
    "`full fine-tune` moves all weights of MiniLM on the labelled sentences; `distilled` is the same MiniLM, taught by "
    "mpnet, which was adapted to the labelled sentences, on these and the pool. All three are asked before export. CPU "
    "seconds are of the learner's process, test sentences included, on a machine that others used at the same time."
)


class Row(Protocol):
    """What a table's row is called after."""

    @property
    def data(self) -> str: ...
    @property
    def n_sentences(self) -> int: ...
    @property
    def name(self) -> str: ...


def write_section(settings: Sequence[Row], found: Mapping[tuple[str, str], Sequence[Facts]]) -> str:
    """Return the section of docs/benchmarks.md."""
    measured_on = next((facts[0]["machine"] for facts in found.values() if facts), "not measured yet")
    said = f"`python -m bench entities`. Machine: {measured_on}. Draws have the seeds 0 to 4."
    table = [
        "| data | sentences per type | labelled | pool | draws of each | probe | full fine-tune | distilled "
        "| gain over the probe | gain over the fine-tune | CPU s: probe, fine-tune, distilled |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
        *(_row(setting, found) for setting in settings),
    ]
    return "\n".join(["## Entities", "", said, "", WORDS, "", *table, ""])


def _row(setting: Row, found: Mapping[tuple[str, str], Sequence[Facts]]) -> str:
    columns = [found.get((setting.name, one), []) for one in ("probe", "fine-tune", "distilled")]
    every = [cell for cells in columns for cell in cells]
    parts = [
        setting.data,
        str(setting.n_sentences),
        _mean(every, "n_train"),
        _mean(every, "n_pool"),
        ", ".join(str(len(cells)) for cells in columns) + older_words(every),
        *(interval([100.0 * cell["f1"] for cell in cells]) if cells else "not measured yet" for cells in columns),
        _gain(columns[2], columns[0]),
        _gain(columns[2], columns[1]),
        ", ".join(_mean(cells, "cpu_seconds") for cells in columns),
    ]
    return f"| {' | '.join(parts)} |"


def _gain(own: Sequence[Facts], other: Sequence[Facts]) -> str:
    floor = {cell["draw"]: cell["f1"] for cell in other}
    gains = [100.0 * (cell["f1"] - floor[cell["draw"]]) for cell in own if cell["draw"] in floor]
    return interval(gains, sign=True) if gains else "–"


def _mean(cells: Sequence[Facts], key: str) -> str:
    return f"{np.mean([cell[key] for cell in cells]):,.0f}" if cells else "–"
