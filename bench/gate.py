"""The gate, by resampling real answers: how often it errs, and how often it finds what is there.

Judge sets are drawn from what pairs of real heads answer to the official test rows of Banking77 and CLINC150, so the
true difference of a pair is known. In `parts.gate`, `draws` says what a draw is, `population` where the pairs come
from, and `retrains` has fifty retrains in a row.
"""

from collections.abc import Callable

import numpy as np

from bench.cells import Facts, machine, run_cell
from bench.parts.gate.after import measure_after
from bench.parts.gate.draws import GATE, PairDraws, decide, draw_counts, forgets, judge_answers, least_wins
from bench.parts.gate.population import Population, measure_population, population_of
from bench.parts.gate.retrains import GROWING, STANDING, Sets, measure_retrains
from bench.parts.gate.tables import GAINS, write_section
from bench.parts.public_data import data_folder, not_measured
from fsl.evaluation.comparison.power import compute_power
from fsl.evaluation.comparison.spending import JudgeUse, compute_use
from fsl.evaluation.ruling.verdict import Outcome

SETS = ("banking77", "clinc150")
N_MODELS, N_SHOTS = 51, 10
ROWS = (300, 1000, 2000, 5000)
DISCORDANCES = (0.04, 0.08, 0.12, 0.20)
FIRST = compute_use([], "challenger", GATE.alpha)  # the first challenger of a champion
LONE = JudgeUse.alone(GATE.alpha)
AFTER = (0.0, 0.02, 0.04)  # by how much the promoted one was better
N_JUDGED = 5  # draws of a cell on which the gate itself is asked too

Measure = Callable[[str, Callable[[], Facts]], Facts]


def run(*, quick: bool) -> str:
    """Measure every cell and return the section of docs/benchmarks.md."""
    if not data_folder().is_dir():
        return not_measured("The gate", data_folder())
    if quick:
        found = [
            _measure_set(
                "banking77", _unkept, n_models=3, n_labels=6, n_draws=40, rows=(60,), sets=_QUICK, after=AFTER[:1]
            )
        ]
        return write_section(found, machine(), n_judged=N_JUDGED)
    found = [
        _measure_set(
            name,
            _kept,
            n_models=N_MODELS,
            n_labels=None,
            n_draws=2000,
            rows=ROWS,
            sets=(STANDING, GROWING),
            after=AFTER,
        )
        for name in SETS
    ]
    return write_section(found, found[0]["population"]["machine"], n_judged=N_JUDGED)


_QUICK = (Sets("standing", first_rows=60, rows_per_retrain=0, n_retrains=2, n_sequences=30, n_judged=5),)


def _kept(name: str, measure: Callable[[], Facts]) -> Facts:
    return run_cell("gate", name, measure)


def _unkept(name: str, measure: Callable[[], Facts]) -> Facts:
    return measure()


def _measure_set(
    name: str,
    cell: Measure,
    *,
    n_models: int,
    n_labels: int | None,
    n_draws: int,
    rows: tuple[int, ...],
    sets: tuple[Sets, ...],
    after: tuple[float, ...],
) -> Facts:
    facts = cell(
        f"{name}-population",
        lambda: measure_population(name, n_models=n_models, n_shots=N_SHOTS, n_labels=n_labels),
    )
    people = population_of(facts)
    pair = PairDraws(people, 0, 1)
    return {
        "population": facts,
        "pair": _describe_pair(people, pair),
        "equal": [
            cell(f"{name}-equal-{n}", lambda n=n: _measure_equal(pair, n, n_draws))  # type: ignore[misc]
            for n in rows
        ],
        "power": [
            cell(f"{name}-power-{n}-{part:g}", lambda n=n, part=part: _measure_power(pair, n, part, 5 * n_draws))  # type: ignore[misc]
            for n in rows
            for part in DISCORDANCES
        ],
        "retrains": [
            cell(f"{name}-retrains-{one.name}", lambda one=one: measure_retrains(people, one))  # type: ignore[misc]
            for one in sets
        ],
        "after": [
            cell(f"{name}-after-{gain:g}", lambda gain=gain: measure_after(people, gain, n_sequences=10 * n_draws))  # type: ignore[misc]
            for gain in after
        ],
    }


def _describe_pair(people: Population, pair: PairDraws) -> Facts:
    accuracies = people.right.mean(axis=1)
    return {
        "n_rows": len(people.truth),
        "n_labels": len(people.labels),
        "discordance": pair.discordance,
        "accuracies": [float(accuracies.min()), float(accuracies.max())],
    }


def _measure_equal(pair: PairDraws, n_rows: int, n_draws: int) -> Facts:
    """Return how often an exactly equal challenger is promoted, at the pair's own discordance."""
    generator = np.random.default_rng(n_rows)
    labels = pair.population.labels
    promoted, n_judged = {"first": 0, "lone": 0}, 0
    for index, (n_wins, n_losses) in enumerate(draw_counts(n_rows, pair.discordance, 0.0, n_draws, generator)):
        answers = pair.draw(n_wins, n_losses, n_rows, generator)
        for name, use in (("first", FIRST), ("lone", LONE)):
            is_promoted = decide(answers, use.alpha, len(labels))
            promoted[name] += is_promoted
            if name == "first" and (is_promoted or index % 50 == 0):
                _agree(judge_answers(answers, labels, use), is_promoted)
                n_judged += 1
    return {"n_rows": n_rows, "n_draws": n_draws, "promoted": promoted, "n_judged": n_judged}


def _measure_power(pair: PairDraws, n_rows: int, discordance: float, n_draws: int) -> Facts:
    """Return how often challengers of known difference are promoted, from a point worse to five points better."""
    # By the population too: two data sets that share their wins and losses would be one measurement shown twice.
    generator = np.random.default_rng([len(pair.population.truth), n_rows, round(1000 * discordance)])
    gains = [gain for gain in (-0.01, *GAINS) if abs(gain) <= discordance]
    return {
        "n_rows": n_rows,
        "discordance": discordance,
        "n_draws": n_draws,
        "gains": [_measure_gain(pair, n_rows, discordance, gain, n_draws, generator) for gain in gains],
    }


def _measure_gain(
    pair: PairDraws, n_rows: int, discordance: float, gain: float, n_draws: int, generator: np.random.Generator
) -> Facts:
    labels = pair.population.labels
    n_better = n_promoted = 0
    for index, (n_wins, n_losses) in enumerate(draw_counts(n_rows, discordance, gain, n_draws, generator)):
        is_better = n_wins >= least_wins(n_rows, FIRST.alpha)[n_wins + n_losses]
        is_judged = index < N_JUDGED
        if not (is_better or is_judged):
            continue
        answers = pair.draw(n_wins, n_losses, n_rows, generator)
        is_promoted = is_better and not forgets(answers, len(labels))
        n_better, n_promoted = n_better + is_better, n_promoted + is_promoted
        if is_judged:
            _agree(judge_answers(answers, labels, FIRST), is_promoted)
    theory = compute_power(n_rows, discordance=discordance, difference=gain, alpha=FIRST.alpha)
    return {"gain": gain, "n_better": int(n_better), "n_promoted": int(n_promoted), "theory": theory}


def _agree(outcome: Outcome, is_promoted: bool) -> None:
    if (outcome is Outcome.PROMOTE) != is_promoted:
        raise AssertionError(f"the gate says {outcome}, and the bench's shortcut promotes: {is_promoted}")
