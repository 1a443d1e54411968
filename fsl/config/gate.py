"""What a challenger must show: `gate`."""

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from fsl.config.base import Section, Share


class BehaviourConfig(Section):
    """What a model must do with texts made for the purpose. CheckList: Ribeiro et al. 2020, arXiv:2005.04118."""

    name: Annotated[str, Field(min_length=1, max_length=80)]
    texts: tuple[str, ...] = Field(default=(), max_length=200)
    pairs: tuple[tuple[str, str], ...] = Field(default=(), max_length=200)
    expect: str = Field(
        description="`same`: all texts, or the two of each pair, get one answer. Anything else is the label that each "
        "text must get (or hold, for spans)."
    )

    @model_validator(mode="after")
    def _can_be_asked(self) -> "BehaviourConfig":
        if not self.texts and not self.pairs:
            raise ValueError(f"the check {self.name!r} has neither texts nor pairs")
        if self.pairs and self.expect != "same":
            raise ValueError(f"the check {self.name!r} has pairs, so it must expect `same`; a label needs texts")
        return self


class SliceConfig(Section):
    """Rows that carry or mention something, scored by themselves. Swaps: counterfactual fairness, Garg et al. 2019,
    arXiv:1809.10610."""

    name: Annotated[str, Field(min_length=1, max_length=80)]
    words: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        default=(), max_length=500, description="A row with any of these words belongs to the slice."
    )
    swaps: tuple[tuple[Annotated[str, Field(min_length=1)], Annotated[str, Field(min_length=1)]], ...] = Field(
        default=(),
        max_length=200,
        description="Pairs of words that are exchanged for each other, to see which answers change. Rows with any of "
        "them belong to the slice too.",
    )

    column: str | None = Field(
        default=None,
        description="One of `data.attribute_columns`: a row with one of `values` there belongs to the slice.",
    )
    values: tuple[str, ...] = Field(default=(), max_length=500)

    @model_validator(mode="after")
    def _has_words(self) -> "SliceConfig":
        if not (self.words or self.swaps or self.column):
            raise ValueError(f"the slice {self.name!r} has no words, swaps or column, so no row could belong to it")
        if (self.column is None) != (not self.values):
            raise ValueError(f"the slice {self.name!r} needs `column` and `values` together")
        return self


class GateConfig(Section):
    """When a challenger is promoted."""

    alpha: Annotated[float, Field(gt=0.0, lt=0.5)] = Field(
        default=0.05,
        description="Chance that a champion is ever replaced, as better, by one that is not; all tests share it.",
    )
    alpha_half_spent_after: PositiveInt = Field(
        default=1,
        description="Challengers after which half of alpha is spent. More for those who retrain often and rarely "
        "promote: early tests get stricter, late ones less so. Foster and Stine 2008, JRSS B 70:429-444.",
    )
    non_inferiority_margin: Share = Field(
        default=0.03, description="How much worse on shared labels an update with new ones may be."
    )
    score: Literal["headline", "accuracy", "f1", "macro_f1"] = Field(
        default="headline",
        description="What decides: the problem's own score (accuracy of one label, F1 of spans and of sets of labels); "
        "whether the whole answer is right; F1 of all labels together; or the mean F1 over labels.",
    )
    min_new_label_recall: Share = 0.5
    min_judge_rows_per_label: PositiveInt = 3
    max_forgetting: Share = Field(
        default=0.05, description="How much F1 a label or a slice may lose where it is shown to have got worse."
    )
    regression_fdr: Annotated[float, Field(gt=0.0, lt=0.5)] = Field(
        default=0.05,
        description="Expected share of false alarms among labels and slices that are said to have got worse. "
        "Benjamini and Hochberg 1995, JRSS B 57:289-300.",
    )
    min_recent_rows: PositiveInt = Field(
        default=30, description="Audited rows of recent traffic below which the recent window is not judged by."
    )
    recent_days: PositiveInt = Field(
        default=30, description="How far the recent window reaches back from the newest batch: audit rows by `time`."
    )
    max_latency_p95_ms: PositiveFloat = 40.0
    on_unjudged: Literal["promote", "keep"] = Field(
        default="promote",
        description="Where the challenger knows labels with too few judge rows: promote when nothing that could be "
        "judged got worse, or keep the champion until there are enough.",
    )
    on_undecided: Literal["keep", "promote_if_not_worse", "ask"] = Field(
        default="keep",
        description="keep what serves; promote a challenger that is shown not to be worse by more than the margin; or "
        "ask a person, as `approval` does.",
    )
    approval: Literal["none", "required"] = Field(
        default="none",
        description="required: a version that may serve waits for `fsl models approve` or `fsl models refuse`.",
    )
    approval_hours: PositiveFloat = Field(
        default=72.0, description="Hours after registration after which nobody's answer is a refusal."
    )
    robustness_texts: Annotated[int, Field(ge=0, le=2000)] = Field(
        default=60, description="Judge texts that are asked again with typos, in other case and so on; 0: none."
    )
    behaviour: tuple[BehaviourConfig, ...] = Field(default=(), max_length=50)
    slices: tuple[SliceConfig, ...] = Field(default=(), max_length=50)
    out_of_scope: tuple[str, ...] = Field(
        default=(),
        max_length=1000,
        description="Texts that no label fits, to measure how well low confidence tells them from judge rows.",
    )
