"""The sentences of a ruling: plain words around the numbers that decided."""

from fsl.evaluation.comparison.compare import MCNEMAR, Comparison
from fsl.evaluation.comparison.paired import compute_mcnemar
from fsl.evaluation.comparison.spending import JudgeUse
from fsl.evaluation.ruling.verdict import NewLabel
from fsl.pages.words import n_of, percent, percent_range, points, points_range

HEADLINES = {"accuracy": "accuracy", "f1": "F1", "macro_f1": "mean F1 over labels"}


def describe_comparison(found: Comparison, headline: str, baseline: str) -> str:
    """Return the two scores, their difference with its interval, and the rows behind it."""
    name = HEADLINES.get(headline, headline)
    level = f"{100 * found.interval.level:.4g}%"
    return (
        f"on {n_of(found.n_rows, 'row')} its {name} is {percent(found.challenger_score)} against "
        f"{percent(found.champion_score)} for {baseline}: {points(found.difference)} ({level} interval "
        f"{points_range(found.interval.low, found.interval.high)}), "
        f"{n_of(found.n_wins, 'row')} won and {found.n_losses:,} lost"
    )


def alpha_words(use: JudgeUse) -> str:
    """Return the level that a test was held against, and where it comes from."""
    if use.is_alone:
        return f"alpha {use.alpha:g}"
    place = f"challenger {use.n_before + 1:,} of one champion"
    return f"{use.alpha:.2g}, which is what {place} gets of alpha {use.alpha_total:g}"


def describe_use(use: JudgeUse, champion: str | None) -> str:
    """Return how often judge rows were asked, what that cost, and what is left."""
    met = n_of(use.n_before, "challenger")
    before = f"{met} met {champion or 'the constant answer'} on judge rows before"
    return (
        f"{before}, and {n_of(use.n_verdicts, 'verdict')} in all used them: {use.alpha_spent:.2g} of alpha "
        f"{use.alpha_total:g} was spent, this test got {use.alpha:.2g}, and the next will get {use.alpha_next:.2g}"
    )


def describe_new_label(label: NewLabel, least: float) -> str:
    """Return what is known of a label that only the challenger knows."""
    if not label.is_judged:
        return f"the new label {label.label} has {n_of(label.n_rows, 'judge row')}: too few to judge it by"
    enough = "enough" if label.recall >= least else "too little"
    interval = f"{100 * label.interval.level:g}% interval {percent_range(label.interval.low, label.interval.high)}"
    return (
        f"the new label {label.label}: {percent(label.recall)} of it is found on {n_of(label.n_rows, 'judge row')} "
        f"({interval}), {enough} where {percent(least)} is asked"
    )


def advice_on_rows(n_further: int | None) -> tuple[str, ...]:
    """Return how many more judge rows would decide."""
    if n_further is None:
        return ("no number of further rows would decide, if the rates stay as observed",)
    return (f"about {n_of(n_further, 'further judge row')} would decide at 80% power, if the rates stay as observed",)


def explain_promotion(found: Comparison, alpha: float) -> tuple[str, ...]:
    """Return how far the promotion is from being none."""
    if found.test != MCNEMAR:
        return (f"a p-value of {alpha:g} or more would have left it undecided",)
    extra = next(more for more in range(1, found.n_wins + 2) if _p(found.n_wins, found.n_losses + more) >= alpha)
    return (f"{n_of(extra, 'more lost row')} would have left it undecided",)


def _p(n_wins: int, n_losses: int) -> float:
    return compute_mcnemar(n_wins, n_losses).p_better
