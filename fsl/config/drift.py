"""How live traffic is looked at: `drift`, `surges`, `watch`."""

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from fsl.config.base import Section, Share

Sign = Literal[
    "damaged",
    "changed",
    "texts-changed",
    "answers-changed",
    "confidence-changed",
    "confidence-alone",
    "script-changed",
    "surge",
    "new-topic",
    "harmful",
    "harmless",
    "harm-unknown",
    "meaning-changed",
    "labels-waiting",
]
Advice = Literal[
    "none", "watch", "recalibrate", "refit-head", "adapter", "redistil", "ask-labels", "tell-person", "retrain"
]


class DriftRuleConfig(Section):
    """One line of the decision table: the first line whose signs are all there decides."""

    when: tuple[Sign, ...] = Field(description="Signs that must all be there; none: always.")
    action: Advice = Field(
        description="refit-head, adapter and redistil start the same retrain, in which all candidates compete. "
        "recalibrate, ask-labels and tell-person start nothing: a person acts, and the event and the page say how."
    )


DECISION_TABLE = (
    DriftRuleConfig(when=("damaged",), action="tell-person"),
    DriftRuleConfig(when=("script-changed",), action="redistil"),
    DriftRuleConfig(when=("meaning-changed",), action="refit-head"),
    DriftRuleConfig(when=("new-topic", "labels-waiting"), action="refit-head"),
    DriftRuleConfig(when=("new-topic",), action="ask-labels"),
    DriftRuleConfig(when=("confidence-alone",), action="recalibrate"),
    DriftRuleConfig(when=("harmful",), action="adapter"),
    DriftRuleConfig(when=("texts-changed", "harm-unknown"), action="adapter"),
    DriftRuleConfig(when=("texts-changed",), action="watch"),
    DriftRuleConfig(when=("surge",), action="tell-person"),
    DriftRuleConfig(when=("changed",), action="watch"),
)


class DriftConfig(Section):
    """When served traffic counts as changed, and what follows."""

    reference_rows: PositiveInt = Field(
        default=200, description="The champion's first served rows are the reference window."
    )
    window_rows: PositiveInt = Field(default=200, description="The latest served rows are the current window.")
    window_hours: PositiveFloat | None = Field(
        default=None, description="The current window is the last hours instead, at most 10,000 rows; null: by count."
    )
    min_window_rows: PositiveInt = 50
    alpha: Annotated[float, Field(gt=0.0, lt=0.5)] = Field(
        default=0.03, description="The chance of any false alarm, all tests together, over `budget_windows` windows."
    )
    budget_windows: PositiveInt = Field(default=90, description="Over how many windows `alpha` is spent, evenly.")
    n_permutations: PositiveInt = Field(
        default=5000, description="Shuffles of a window; more are made where the budget needs them."
    )
    min_effect: Share = Field(
        default=0.60, description="AUROC of telling the windows apart below which a change is too small to act on."
    )
    max_accuracy_drop: Share = Field(
        default=0.03, description="A fall of the estimated accuracy up to this is not called harm."
    )
    audit_days: PositiveInt = Field(
        default=30, description="How far audit labels reach back from the end of a window: served rows drawn by chance."
    )
    ask_rows: PositiveInt = Field(default=50, description="How many rows `ask-labels` lists; a fifth by chance alone.")
    decisions: tuple[DriftRuleConfig, ...] = Field(
        default=DECISION_TABLE, max_length=50, description="From signs to an action; where no line fits, none."
    )

    @property
    def level(self) -> float:
        """The chance of any false alarm in one window."""
        return self.alpha / self.budget_windows

    @property
    def n_shuffles(self) -> int:
        # One shuffle may be odder than what was seen, so that an alarm does not hang on one alone; the early look at
        # half of them costs half a shuffle more.
        return max(self.n_permutations, int(2.5 / self.level) + 1) - 1


class SurgeConfig(Section):
    """When one label's share has risen for an entity, a topic or all rows, against its own history."""

    label: str | None = Field(default=None, description="Such as negative; null: every label.")
    terms: dict[str, tuple[str, ...]] = Field(
        default_factory=dict,
        max_length=200,
        description="Names of entities or topics, each with words that tell its texts.",
    )
    window_rows: PositiveInt = Field(default=50, description="The latest rows of each that are looked at.")
    min_history_rows: PositiveInt = Field(default=30, description="Earlier rows of each before anything is said.")
    min_rise: Share = Field(default=0.10, description="A smaller rise of the share is not told.")
    alpha: Annotated[float, Field(gt=0.0, lt=0.5)] = Field(
        default=0.05, description="The chance of any false alert over `budget_windows` looks, all names together."
    )
    budget_windows: PositiveInt = 90
    block: str | None = Field(
        default=None, description="A Prefect notification block, such as slack-webhook/desk; null: the JSON line alone."
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
