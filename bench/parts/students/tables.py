"""How the few-shot bench prints its section."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

Facts = dict[str, Any]


class Row(Protocol):
    """What a table's row is called after."""

    @property
    def data(self) -> str: ...
    @property
    def n_shots(self) -> int: ...
    @property
    def pool(self) -> str: ...
    @property
    def aim(self) -> float: ...
    @property
    def name(self) -> str: ...


WORDS = (
    "Labelled rows are drawn from the official train part; the rest of it, without labels, is the pool. Every "
    "figure is the mean over draws of the share of official test rows answered rightly, in per cent, with the 95% "
    "interval of the mean (Student's t); for PhraseBank macro-F1 stands behind. The distilled student is the "
    "exported bundle (int8 where it held). For intents its teacher is mpnet as it came: labels of Banking77 are "
    "spread along neighbours in the vectors of mpnet and of MiniLM where held-out train rows are likelier for it; "
    "those of CLINC150 are not, and its pool is held to as many texts of every intent. For the moods of PhraseBank "
    "mpnet is adapted to the drawn rows. The student is the candidate itself: no choice against the probe was made "
    "here. Gains are of the student over the probe on the same frozen MiniLM, on the same draws. Recipes were "
    "chosen on rows held out from train parts; how often the test rows of a draw were scored before by an older "
    "one, docs/learning.md says. CPU seconds are those of the learner's process on a machine that others used at "
    "the same time, which slows it; vectors of untouched encoders are kept between cells and not counted."
)

_CLEAN = "rest of train"


def write_section(settings: Sequence[Row], found: Mapping[tuple[str, str], Sequence[Facts]]) -> str:
    """Return the section of docs/benchmarks.md."""
    machines = sorted({cell["machine"] for cells in found.values() for cell in cells})  # cells are measured apart
    measured_on = "; or ".join(machines) or "not measured yet"
    head = ["## Few shots", "", f"`python -m bench fewshot`. Machine: {measured_on}. Draws have the seeds 0 to 4.", ""]
    table = [
        "| data | rows per label | pool | draws of each | probe | probe on mpnet | distilled student "
        "| gain over the probe | aim | soft labels right | teacher CPU s | student CPU s |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
        *(_row(setting, found) for setting in settings),
    ]
    return "\n".join([*head, WORDS, "", *table, "", *_cost_of_noise(settings, found)])


def _row(setting: Row, found: Mapping[tuple[str, str], Sequence[Facts]]) -> str:
    probe, large, student = (found.get((setting.name, one), []) for one in ("probe", "probe on mpnet", "distilled"))
    parts = [
        setting.data,
        str(setting.n_shots),
        setting.pool,
        ", ".join(str(len(cells)) for cells in (probe, large, student)) + older_words([*probe, *large, *student]),
        _scores(probe, setting),
        _scores(large, setting),
        _scores(student, setting),
        _gain(student, probe) or "–",
        f"{setting.aim:g}",
        _mean(student, "soft_labels_right", 100.0, 1),
        _mean(student, "teacher_cpu_seconds", 1.0, 0),
        _mean(student, "student_cpu_seconds", 1.0, 0),
    ]
    return f"| {' | '.join(parts)} |"


def _cost_of_noise(settings: Sequence[Row], found: Mapping[tuple[str, str], Sequence[Facts]]) -> list[str]:
    """Say what out-of-scope texts in the pool cost, over the draws that were measured with both pools."""
    clean = {(one.data, one.n_shots): found.get((one.name, "distilled"), []) for one in settings if one.pool == _CLEAN}
    costs = [
        f"{one.data}, {one.n_shots} rows per label: "
        + (_gain(found.get((one.name, "distilled"), []), clean[one.data, one.n_shots]) or "not measured yet")
        for one in settings
        if one.pool == "noisy" and (one.data, one.n_shots) in clean
    ]
    words = f"A pool at natural imbalance with a fifth of out-of-scope texts, in points: {'; '.join(costs)}."
    return [words, ""] if costs else []


def _scores(cells: Sequence[Facts], setting: Row) -> str:
    if not cells:
        return "not measured yet"
    said = interval([100.0 * cell["accuracy"] for cell in cells])
    f1 = f"; F1 {np.mean([100.0 * cell['macro_f1'] for cell in cells]):.1f}" if "phrasebank" in setting.data else ""
    return said + f1


def older_words(cells: Sequence[Facts]) -> str:
    """Say how many of the cells were measured before recipe, data or learner changed."""
    n_older = sum(bool(cell.get("is_older")) for cell in cells)
    return f", {n_older} by an older recipe" if n_older else ""


def _gain(cells: Sequence[Facts], others: Sequence[Facts]) -> str:
    """Return the mean of the paired differences of accuracy, with its interval; empty where no draw has both."""
    by_draw = {cell["draw"]: cell["accuracy"] for cell in others}
    gains = [100.0 * (cell["accuracy"] - by_draw[cell["draw"]]) for cell in cells if cell["draw"] in by_draw]
    return interval(gains, sign=True) if gains else ""


def interval(values: Sequence[float], *, sign: bool = False) -> str:
    """Return the mean with its 95% interval by Student's t, or the lone value."""
    from scipy.stats import t

    shape = "+.1f" if sign else ".1f"
    mean = float(np.mean(values))
    if len(values) < 2:
        return f"{mean:{shape}} (one draw)"
    half = float(t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)))
    return f"{mean:{shape}} ({mean - half:{shape}} to {mean + half:{shape}})"


def _mean(cells: Sequence[Facts], key: str, scale: float, digits: int) -> str:
    known = [cell[key] for cell in cells if cell.get(key) is not None]
    return f"{scale * np.mean(known):,.{digits}f}" if known else "–"
