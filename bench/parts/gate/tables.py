"""The tables of the gate's bench, as docs/benchmarks.md shows them. What stands in them is measured by `gate`."""

from collections.abc import Iterator

from bench.cells import Facts
from fsl.config import GateConfig
from fsl.evaluation.comparison.power import compute_rows_to_tell
from fsl.evaluation.comparison.spending import alpha_of_test
from fsl.evaluation.scores.intervals import clopper_pearson_interval

GAINS = (0.01, 0.02, 0.03, 0.04, 0.05)
PLACES = (1, 2, 5, 10, 20, 50)
ALPHA = GateConfig().alpha
FIRST_ALPHA = alpha_of_test(1, ALPHA)


def write_section(found: list[Facts], measured_on: str, *, n_judged: int) -> str:
    """Return the whole section, one entry of `found` for each data set."""
    head = (
        f"Machine: {measured_on}, one core. Command: `python -m bench gate`, with `FSL_BENCH_DATA` naming the folder "
        "of the data sets. Every draw has a fixed seed. How a verdict comes about is told in [gate.md](gate.md)."
    )
    return "\n".join(["## The gate", "", head, "", *_lines(found, n_judged)])


def _lines(found: list[Facts], n_judged: int) -> Iterator[str]:
    for one in found:
        population, pair = one["population"], one["pair"]
        n, (low, high) = len(population["answers"]), pair["accuracies"]
        yield (
            f"- {population['name']}: {n} heads (logistic regression on vectors of the packaged encoder, "
            f"{population['n_shots']} shots per label, seeds 0 to {n - 1}), right on {100 * low:.1f} to "
            f"{100 * high:.1f}% of {pair['n_rows']:,} test rows of {pair['n_labels']} labels. Of heads 0 and 1 exactly "
            f"one is right on {100 * pair['discordance']:.1f}% of rows."
        )
    yield ""
    yield from _equal_lines(found)
    yield from _worse_lines(found)
    yield from _retrain_lines(found)
    yield from _after_lines(found)
    yield from _power_lines(found, n_judged)
    yield from _place_lines()


def _equal_lines(found: list[Facts]) -> Iterator[str]:
    yield "### A challenger exactly as good"
    yield ""
    yield (
        "Each row's two answers change places at random, so that neither is better. In brackets the upper bound "
        "(Clopper-Pearson, one-sided 97.5%). Aim: at most alpha, 5%. Of first challengers every draw that promotes, "
        "and one in fifty of all, went through `judge` itself, which said the same as the bench's shortcut each time."
    )
    yield ""
    yield _row("data", "judge rows", "draws", "promoted as a champion's first", "by a lone test", "judged in full")
    yield "|---|---|---|---|---|---|"
    for one in found:
        for cell in one["equal"]:
            shares = [_share(cell["promoted"][name], cell["n_draws"]) for name in ("first", "lone")]
            judged = f"{cell['n_judged']:,} verdicts"
            yield _row(one["population"]["name"], f"{cell['n_rows']:,}", f"{cell['n_draws']:,}", *shares, judged)
    yield ""


def _worse_lines(found: list[Facts]) -> Iterator[str]:
    yield "### A challenger one point worse"
    yield ""
    yield "Aim: promoted in under 1%. The largest share over all discordances, as a champion's first challenger."
    yield ""
    yield "| data | judge rows | draws | promoted at most | at a discordance of | exact |"
    yield "|---|---|---|---|---|---|"
    for one in found:
        for n_rows in dict.fromkeys(cell["n_rows"] for cell in one["power"]):
            cells = [(cell, gain) for cell, gain in _gains(one) if cell["n_rows"] == n_rows and gain["gain"] < 0]
            cell, worst = max(cells, key=lambda pair: pair[1]["n_promoted"])
            yield _row(
                one["population"]["name"],
                f"{n_rows:,}",
                f"{cell['n_draws']:,}",
                _share(worst["n_promoted"], cell["n_draws"]),
                f"{100 * cell['discordance']:g}%",
                f"{100 * worst['theory']:.2f}%",
            )
    yield ""


def _retrain_lines(found: list[Facts]) -> Iterator[str]:
    yield "### Many retrains in a row, each of an equal challenger"
    yield ""
    yield (
        "One champion meets one head after another, each made exactly as good by giving the champion's answers to some "
        "rows, on one judge set: all tests see the same rows. Aim: any false promotion in at most 5% of sequences. "
        "Every test whose p-value was under its alpha, and a few hundred of the others, went through `judge` itself."
    )
    yield ""
    yield "| data | judge rows | retrains | sequences | any false promotion | if each test had 5% | judged in full |"
    yield "|---|---|---|---|---|---|---|"
    for one in found:
        for cell in one["retrains"]:
            yield _row(
                one["population"]["name"],
                cell["rows"],
                str(cell["n_retrains"]),
                f"{cell['n_sequences']:,}",
                _share(cell["n_false"], cell["n_sequences"]),
                _share(cell["n_false_unspent"], cell["n_sequences"]),
                f"{cell['n_judged']:,} tests",
            )
    yield ""


def _after_lines(found: list[Facts]) -> Iterator[str]:
    yield "### After a promotion on the same rows"
    yield ""
    yield (
        "A challenger is promoted on 1,000 judge rows, by luck or by merit; then heads exactly as good as it ask the "
        "same rows, one after another. Aim: the new champion is replaced in at most 5% of such sequences (the paired "
        "test alone, without vetoes)."
    )
    yield ""
    yield "| data | the promoted one was better by | promoted | then replaced by an equal |"
    yield "|---|---|---|---|"
    for one in found:
        for cell in one["after"]:
            share = f"{100 * cell['n_promoted'] / cell['n_sequences']:.1f}% of {cell['n_sequences']:,}"
            gain = _gain(cell["gain"])
            yield _row(one["population"]["name"], gain, share, _share(cell["n_replaced"], cell["n_promoted"]))
    yield ""


def _power_lines(found: list[Facts], n_judged: int) -> Iterator[str]:
    names = ", ".join(one["population"]["name"] for one in found)
    gaps = [
        abs(_points(gain["n_promoted"], cell) - 100 * gain["theory"]) for one in found for cell, gain in _gains(one)
    ]
    better = [
        abs(_points(gain["n_better"], cell) - 100 * gain["theory"]) for one in found for cell, gain in _gains(one)
    ]
    n_draws = found[0]["power"][0]["n_draws"]
    yield "### Power, to plan by"
    yield ""
    yield (
        f"How often, in per cent, a champion's first challenger is promoted (alpha {FIRST_ALPHA:g}): by exact theory, "
        f"and in brackets measured ({names}; {n_draws:,} draws each, label vetoes included, {n_judged} of each cell "
        "through `judge` itself). Discordance is the share of rows on which exactly one of the two is right. Largest "
        f"gap of the paired test: {max(better):.1f} points; with the vetoes on forgotten labels: {max(gaps):.1f} "
        "points. Aim: within 2. Losses are spread over all labels here, so the vetoes hold back next to nothing; a "
        "challenger that forgets one label is held back whatever its power."
    )
    yield ""
    yield f"| judge rows | discordance | {' | '.join(f'{_gain(gain)} better' for gain in GAINS)} |"
    yield f"|---|---|{'---|' * len(GAINS)}"
    for index, cell in enumerate(found[0]["power"]):
        cells = [one["power"][index] for one in found]
        shares = [_power_words(cells, gain) for gain in GAINS]
        yield _row(f"{cell['n_rows']:,}", f"{100 * cell['discordance']:g}%", *shares)
    yield ""


def _place_lines() -> Iterator[str]:
    yield "### What many retrains cost"
    yield ""
    yield (
        "Judge rows that promote a truly better challenger at 80% power, by how many challengers its champion met "
        "before it (exact, not drawn). A promotion starts again at 1."
    )
    yield ""
    heads = [f"challenger {place} (alpha {alpha_of_test(place, ALPHA):.2g})" for place in PLACES]
    yield f"| gain | discordance | a lone test at 5% | {' | '.join(heads)} |"
    yield f"|---|---|---|{'---|' * len(PLACES)}"
    for gain, discordance in ((0.01, 0.08), (0.02, 0.08), (0.03, 0.08), (0.05, 0.08), (0.03, 0.20), (0.05, 0.20)):
        levels = [ALPHA, *(alpha_of_test(place, ALPHA) for place in PLACES)]
        rows = [compute_rows_to_tell(discordance=discordance, difference=gain, alpha=alpha) for alpha in levels]
        yield _row(_gain(gain), f"{100 * discordance:g}%", *(f"{n:,}" for n in rows if n))
    yield ""


def _gains(one: Facts) -> Iterator[tuple[Facts, Facts]]:
    for cell in one["power"]:
        for gain in cell["gains"]:
            yield cell, gain


def _power_words(cells: list[Facts], gain: float) -> str:
    found = [(cell, one) for cell in cells for one in cell["gains"] if one["gain"] == gain]
    if not found:
        return "–"
    measured = ", ".join(f"{_points(one['n_promoted'], cell):.0f}" for cell, one in found)
    return f"{100 * found[0][1]['theory']:.0f} ({measured})"


def _points(n_found: int, cell: Facts) -> float:
    return float(100 * n_found / cell["n_draws"])


def _share(n_found: int, n_draws: int) -> str:
    if not n_draws:
        return "–"
    bound = clopper_pearson_interval(n_found, n_draws).high
    return f"{100 * n_found / n_draws:.2f}% ({100 * bound:.2f}%)"


def _gain(gain: float) -> str:
    return "1 point" if gain == 0.01 else f"{100 * gain:g} points"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
