"""When a retrain is due: a pure decision with its reason, also when the answer is no."""

from dataclasses import dataclass

from fsl.config import TriggerConfig


@dataclass(frozen=True)
class Due:
    """Whether to retrain now, and why or why not."""

    yes: bool
    reason: str


def is_retrain_due(n_new_rows: int, *, has_champion: bool, config: TriggerConfig) -> Due:
    """Decide after a batch.

    Args:
        n_new_rows: labelled rows accepted since the champion's snapshot; all rows where there is no champion.
    """
    since = "since the champion was trained" if has_champion else "and there is no champion yet"
    if n_new_rows >= config.min_new_rows:
        return Due(True, f"{n_new_rows} new rows {since} (triggers.min_new_rows: {config.min_new_rows})")
    return Due(
        False, f"{n_new_rows} new rows {since}, {config.min_new_rows - n_new_rows} short of triggers.min_new_rows"
    )
