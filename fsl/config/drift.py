"""How live traffic is looked at: `drift`, `watch`."""

from typing import Annotated

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from fsl.config.base import Section, Share


class DriftConfig(Section):
    """When served traffic counts as changed."""

    reference_rows: PositiveInt = Field(
        default=200, description="The champion's first served rows are the reference window."
    )
    window_rows: PositiveInt = Field(default=200, description="The latest served rows are the current window.")
    min_window_rows: PositiveInt = 50
    alpha: Annotated[float, Field(gt=0.0, lt=0.5)] = 0.01
    n_permutations: PositiveInt = 1000
    min_effect: Share = Field(
        default=0.60, description="AUROC of telling the windows apart below which a change is too small to act on."
    )


class WatchConfig(Section):
    """How a new champion is watched, and when it gives its place back by itself.

    The version before answers the same served texts, so a change of the texts alone sets nothing off. Each bound is
    passed only when the 99% bound of the difference is past it.
    """

    hours: PositiveFloat | None = Field(default=24.0, description="How long after a promotion; null: never.")
    min_rows: PositiveInt = Field(default=100, description="Served rows before anything is said.")
    max_rows: PositiveInt = Field(default=500, description="The latest rows that are looked at.")
    max_confidence_drop: Share = Field(default=0.15, description="Mean confidence, against the version before.")
    max_label_rise: Share = Field(
        default=0.35, description="Share of answers with one label, against the version before."
    )
    max_changed_share: Share = Field(default=0.6, description="Share of texts with another answer than before.")

    @model_validator(mode="after")
    def _can_be_met(self) -> "WatchConfig":
        if self.max_rows < self.min_rows:
            raise ValueError(f"max_rows ({self.max_rows}) is below min_rows ({self.min_rows})")
        return self
