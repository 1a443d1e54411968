"""The gate where F1 decides: how often a challenger exactly as good is promoted, by resampling real answers.

Judge sets are drawn with replacement from what two real models answer to official test rows, and the two answers to
each row change places by a coin, so that neither model is better whatever the score. Accuracy is `gate`'s; where the
tagged texts come from is `parts.gate.taggers`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache, partial

import numpy as np

from bench.cells import Facts, machine, run_cell
from bench.parts.gate.population import measure_population, population_of
from bench.parts.gate.taggers import measure_taggers, sheets_of
from bench.parts.public_data import data_folder, not_measured
from fsl.config import GateConfig
from fsl.evaluation.comparison.spending import JudgeUse, compute_use
from fsl.evaluation.ruling.gate import judge
from fsl.evaluation.ruling.verdict import Outcome
from fsl.evaluation.scores.bootstrap import Score, compare_f1
from fsl.evaluation.scores.counts import CountTable, build_paired_counts, macro_f1, micro_f1
from fsl.evaluation.scores.intervals import clopper_pearson_interval
from fsl.evaluation.scores.records import RowScore, ScoreSheet
from fsl.problems import find_problem
from fsl.problems.base import Problem

SCORES: dict[str, Score] = {"macro-F1": macro_f1, "entity-F1": micro_f1}
N_DRAWS = 250  # of one cell; several of other seeds add up
JUDGED_EVERY = 50
GATE = GateConfig()
FIRST = compute_use([], "challenger", GATE.alpha)
LONE = JudgeUse.alone(GATE.alpha)


@dataclass(frozen=True, eq=False)
class Pair:
    """Two models' answers to one test set."""

    name: str
    score: str
    problem: Problem
    champion: ScoreSheet
    challenger: ScoreSheet


def run(*, quick: bool) -> str:
    """Measure every cell and return the section of docs/benchmarks.md."""
    if not data_folder().is_dir():
        return not_measured("The gate by F1", data_folder())
    if quick:
        pairs = (_classifiers("banking77", _unkept, n_labels=6), _taggers(_unkept, n_train=20, n_test=60))
        cells = [_measure(pair, 60, part=0, n_draws=20) for pair in pairs]
        return "\n".join(_lines(cells, machine()))
    cells = [_kept(name, measure) for name, measure in plan()]
    return "\n".join(_lines(cells, cells[0]["machine"]))


def plan() -> Iterator[tuple[str, Callable[[], Facts]]]:
    """Yield every cell by its name; each can be measured by itself."""
    taggers = cache(lambda: _taggers(_kept, n_train=400, n_test=1500))
    heads = cache(lambda: _classifiers("banking77", _kept, n_labels=None))
    for pair, name, n_rows, n_parts in (
        (taggers, "fewnerd-entity-F1", 300, 4),
        (heads, "banking77-macro-F1", 300, 4),
        (taggers, "fewnerd-entity-F1", 1000, 4),
    ):
        for part in range(n_parts):
            yield f"{name}-{n_rows}-{part}", partial(_measure_part, pair, n_rows, part)


def _measure_part(pair: Callable[[], Pair], n_rows: int, part: int) -> Facts:
    return _measure(pair(), n_rows, part=part)


HEADING = "## The gate by F1"


def _kept(name: str, measure: Callable[[], Facts]) -> Facts:
    return run_cell("gate_f1", name, measure)


def _unkept(name: str, measure: Callable[[], Facts]) -> Facts:
    return measure()


def _classifiers(name: str, cell: Callable[[str, Callable[[], Facts]], Facts], *, n_labels: int | None) -> Pair:
    facts = cell(f"{name}-population", lambda: measure_population(name, n_models=2, n_shots=10, n_labels=n_labels))
    people, problem = population_of(facts), find_problem("classification")

    def sheet(model: int) -> ScoreSheet:
        given = zip(people.truth.tolist(), people.answers[model].tolist(), strict=True)
        rows = (RowScore(str(n), people.labels[t], people.labels[a], 0.9, t == a) for n, (t, a) in enumerate(given))
        return ScoreSheet(f"head {model}", people.labels, tuple(rows), 1.0, 2.0, 1)

    return Pair(name, "macro-F1", problem, sheet(0), sheet(1))


def _taggers(cell: Callable[[str, Callable[[], Facts]], Facts], *, n_train: int, n_test: int) -> Pair:
    facts = cell("fewnerd-population", lambda: measure_taggers("fewnerd_small", n_train=n_train, n_test=n_test))
    return Pair("fewnerd", "entity-F1", find_problem("tagging"), *sheets_of(facts))


def _measure(pair: Pair, n_rows: int, *, part: int, n_draws: int = N_DRAWS) -> Facts:
    """Return how often an equal challenger is promoted, on judge sets of so many rows."""
    generator = np.random.default_rng([len(pair.champion.rows), n_rows, part])
    theirs, ours = build_paired_counts(pair.champion, pair.challenger, pair.problem)
    score = SCORES[pair.score]
    n_first = n_lone = n_judged = n_by_judge = 0
    for index in range(n_draws):
        rows = generator.integers(0, len(ours.counts), n_rows)
        swap = generator.random(n_rows) < 0.5
        one, other = (
            CountTable(ours.labels, np.where(swap[:, None, None], b.counts[rows], a.counts[rows]))
            for a, b in ((theirs, ours), (ours, theirs))
        )
        # The gate's own seed, so that both see the same p-value.
        p_better = compare_f1(one, other, alphas=(FIRST.alpha,), seed=0, score=score).p_better
        is_first = p_better < FIRST.alpha
        n_first, n_lone = n_first + is_first, n_lone + (p_better < LONE.alpha)
        if is_first or index % JUDGED_EVERY == 0:
            promotes = _judge(pair, rows.tolist(), swap.tolist())
            if promotes and not is_first:
                raise AssertionError("the gate promotes what the bench's test does not")
            n_judged, n_by_judge = n_judged + 1, n_by_judge + promotes
    return {
        "data": pair.name,
        "score": pair.score,
        "f1": [float(score(table.counts.sum(axis=0, dtype=float))) for table in (theirs, ours)],
        "n_test": len(ours.counts),
        "n_labels": len(ours.labels),
        "n_rows": n_rows,
        "n_draws": n_draws,
        "first": int(n_first),
        "lone": int(n_lone),
        "n_judged": n_judged,
        "by_judge": int(n_by_judge),
    }


def _judge(pair: Pair, rows: list[int], swap: list[bool]) -> bool:
    def sheet(name: str, one: ScoreSheet, other: ScoreSheet) -> ScoreSheet:
        drawn = (
            replace((other if is_swapped else one).rows[row], row_id=f"{place:06d}")
            for place, (row, is_swapped) in enumerate(zip(rows, swap, strict=True))
        )
        return replace(one, version=name, rows=tuple(drawn))

    gate = GATE.model_copy(update={"score": "macro_f1"}) if pair.score == "macro-F1" else GATE
    champion, challenger = (
        sheet("champion", pair.champion, pair.challenger),
        sheet("challenger", pair.challenger, pair.champion),
    )
    return judge(champion, challenger, pair.problem, gate, use=FIRST).outcome is Outcome.PROMOTE


def _lines(cells: list[Facts], measured_on: str) -> Iterator[str]:
    yield HEADING
    yield ""
    yield (
        f"Machine: {measured_on}, one core. Command: `python -m bench gate_f1`, with `FSL_BENCH_DATA` naming the "
        "folder of the data sets. Every draw has a fixed seed. Two real models answer the official test rows; judge "
        "sets are drawn from them with replacement, and each row's two answers change places by a coin, so that "
        "neither model is better. The test is the gate's own: the larger p-value of the paired bootstrap and of the "
        "randomisation test, over texts. In brackets the upper bound (Clopper-Pearson, one-sided 97.5%). Aim: "
        "at most alpha, 5%. Every draw that promotes as a champion's first, and one in fifty of all, went "
        "through `judge` itself."
    )
    yield ""
    tests = "as a champion's first (2.5%) | by a lone test (5%) | as a first by `judge`, vetoes included"
    yield f"| data | score | F1 of the two | judge rows | draws | {tests} |"
    yield "|---|---|---|---|---|---|---|---|"
    for key in dict.fromkeys((cell["data"], cell["score"], cell["n_rows"]) for cell in cells):
        same = [cell for cell in cells if (cell["data"], cell["score"], cell["n_rows"]) == key]
        n_draws, first, lone, by_judge = (
            sum(cell[name] for cell in same) for name in ("n_draws", "first", "lone", "by_judge")
        )
        both = " and ".join(f"{100 * value:.1f}%" for value in same[0]["f1"])
        shares = " | ".join(_share(n, n_draws) for n in (first, lone, by_judge))
        yield f"| {key[0]} | {key[1]}, {same[0]['n_labels']} labels | {both} | {key[2]:,} | {n_draws:,} | {shares} |"
    yield ""


def _share(n_found: int, n_draws: int) -> str:
    bound = clopper_pearson_interval(n_found, n_draws).high
    return f"{100 * n_found / n_draws:.2f}% ({100 * bound:.2f}%)"
