"""What a rule decides, and why. The rules are `rules` and `vetoes`."""

from dataclasses import dataclass

from fsl.evaluation.ruling.verdict import Outcome, Route


@dataclass(frozen=True, slots=True)
class Ruling:
    """An outcome with its words."""

    outcome: Outcome
    reasons: tuple[str, ...]
    what_would_change_it: tuple[str, ...] = ()
    rows_needed: int | None = None
    route: Route | None = None  # by which claim it promotes
