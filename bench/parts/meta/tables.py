"""How the bench of unseen labels prints its section."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from bench.parts.students.tables import interval, older_words

Facts = dict[str, Any]
Found = Mapping[tuple[str, int], Facts]

WORDS = (
    "CLINC150 in scope. Each draw holds out two of the ten domains, thirty intents, and five draws hold out all ten. A "
    "start is meta-learned on train rows of the other 120 intents (MiniLM-L6, LoRA on attention, 10-way 5-shot "
    "episodes, five inner steps at 0.01). Then labels that it never saw are learnt from five train rows each, and "
    "official test rows are asked about: 10 episodes of 5 ways and 5 of 20 ways in each draw, the same for every row "
    "of the table; fewer draws than five are those that were measured so far. "
    "`probe` is the product's own head, its kind chosen by cross-validation on the support set; `prototypes` "
    "the cosine to the mean; `inner steps` five gradient steps on adapter and head. Figures are per cent "
    "of rows answered rightly, the mean over draws with its 95% interval (Student's t); a gain is the paired "
    "difference to the probe on the untouched encoder. Nothing was tuned on these episodes; methods differ in their "
    "number of episodes so that each takes roughly as long."
)

SPAN_WORDS = (
    "Few-NERD, the small re-split part with 36 types. Each draw holds out 22 of them, so that 20 ways can be asked "
    "for; five draws hold out every type twice at least. A start is meta-learned on one half of the train sentences, "
    "in which words of the held-out types count as outside (5-way episodes of five sentences a type; a sentence shows "
    "several, so some stand in up to ten). Then types that it never saw are learnt from as many sentences of the other "
    "half, and official test sentences are asked about: {episodes} in each draw, the same for every row of the table. "
    "`closed form` is the head that an episode begins at, a ridge regression on the words of the support set; `inner "
    "steps` go on from there, on adapter and head; `probe` is the product's own head on the same vectors. Figures are "
    "the F1 of whole entities over all episodes of a draw, in per cent; all else is as above. Penalty and scale of the "
    "ridge were chosen on WNUT-17."
)

LEARNERS = ("probe", "prototypes", "closed form", "inner steps")


class Start(Protocol):
    """What a table's rows are called after."""

    @property
    def name(self) -> str: ...


def write_section(found: Found, starts: Sequence[Start], ways: Sequence[int]) -> str:
    """Return the section of docs/benchmarks.md."""
    said = f"`python -m bench meta`. Machine: {_measured_on(found)}. Draws have the numbers 0 to 4."
    return "\n".join(["## Unseen labels", "", said, "", WORDS, "", *_table(found, starts, ways), ""])


def write_span_part(found: Found, starts: Sequence[Start], ways: Mapping[int, int]) -> str:
    """Return the part of the section that is about spans.

    Args:
        ways: -> how many episodes were asked about in each draw.
    """
    episodes = " and ".join(f"{n} episodes of {of} ways" for of, n in ways.items())
    words = SPAN_WORDS.format(episodes=episodes)
    said = f"Machine: {_measured_on(found)}."
    return "\n".join(["### Spans", "", said, "", words, "", *_table(found, starts, list(ways)), ""])


def _measured_on(found: Found) -> str:
    return str(next(iter(found.values())).get("machine", "this one")) if found else "not measured yet"


def _table(found: Found, starts: Sequence[Start], ways: Sequence[int]) -> list[str]:
    heads = "".join(f" {n}-way 5-shot | gain over the probe |" for n in ways)
    return [
        f"| start | learner | draws | episodes | CPU s |{heads}",
        f"|---|---|---|---|---|{'---|---|' * len(ways)}",
        *(row for start in starts for row in _rows(start.name, found, ways)),
        "",
        *_verdict(found, starts, ways),
    ]


def _rows(start: str, found: Found, ways: Sequence[int]) -> list[str]:
    cells = [facts for (name, _), facts in found.items() if name == start]
    if not cells:
        return [f"| {start} | not measured yet | – | – | – |{' – | – |' * len(ways)}"]
    learners = [one for one in LEARNERS if one in cells[0]["scores"][str(ways[0])]]
    seconds = np.mean([one["cpu_seconds"] for one in cells])
    cost = f"{cells[0]['n_episodes']} | {seconds:.0f}" if cells[0]["n_episodes"] else "– | –"
    return [
        f"| {start} | {learner} | {len(cells)}{older_words(cells)} | {cost} |"
        + "".join(f" {interval(_scores(found, start, learner, n))} | {_gain(found, start, learner, n)} |" for n in ways)
        for learner in learners
    ]


def _verdict(found: Found, starts: Sequence[Start], ways: Sequence[int]) -> list[str]:
    """Say for each number of ways which meta-learned starts are better than the probe; one draw can say nothing."""
    n_draws = max((len([draw for name, draw in found if name == start.name]) for start in starts), default=0)
    if not n_draws:
        return ["Nothing is measured yet."]
    if n_draws < 2:
        return ["With a single draw there is no interval: whether any start is better than the probe is not known yet."]
    lines = []
    for n in ways:
        better = [
            f"{start.name} with {learner}"
            for start in starts
            for learner in LEARNERS
            if start.name != "untouched" and _is_better(found, start.name, learner, n)
        ]
        named = "; ".join(better) if better else "none"
        lines.append(f"Better than the probe in {n} ways, the whole interval above 0: {named}.")
    return lines


def _is_better(found: Found, start: str, learner: str, ways: int) -> bool:
    gains = _gains(found, start, learner, ways)
    if len(gains) < 2:
        return False
    from scipy.stats import t

    half = t.ppf(0.975, len(gains) - 1) * np.std(gains, ddof=1) / np.sqrt(len(gains))
    return bool(np.mean(gains) > half)


def _gain(found: Found, start: str, learner: str, ways: int) -> str:
    if (start, learner) == ("untouched", "probe"):
        return "–"
    return interval(_gains(found, start, learner, ways), sign=True)


def _gains(found: Found, start: str, learner: str, ways: int) -> list[float]:
    """Return the gains over the probe on those draws that both have."""
    own, floor = _by_draw(found, start, learner, ways), _by_draw(found, "untouched", "probe", ways)
    return [own[draw] - floor[draw] for draw in sorted(own.keys() & floor.keys())]


def _scores(found: Found, start: str, learner: str, ways: int) -> list[float]:
    return list(_by_draw(found, start, learner, ways).values())


def _by_draw(found: Found, start: str, learner: str, ways: int) -> dict[int, float]:
    """Return the mean of each draw, in per cent."""
    cells = {draw: facts["scores"][str(ways)] for (name, draw), facts in found.items() if name == start}
    return {draw: 100.0 * float(np.mean(one[learner])) for draw, one in sorted(cells.items()) if learner in one}
