"""The problem and its data: `problem`, `data`."""

from typing import Annotated, Literal

from pydantic import Field, PositiveInt, model_validator

from fsl.config.base import Section, Share


class ProblemConfig(Section):
    """What is to be learnt."""

    kind: Literal["classification", "multilabel", "tagging"] = Field(
        default="classification",
        description="One label for each text; any number of labels, none included; or labelled spans in it.",
    )


class SplitConfig(Section):
    """Shares of labelled rows; a row's split is fixed for life when it is accepted."""

    train: Share = 0.7
    tune: Share = 0.1
    judge: Share = 0.2

    @model_validator(mode="after")
    def _add_up(self) -> "SplitConfig":
        if abs(self.train + self.tune + self.judge - 1.0) > 1e-9:
            raise ValueError(f"train, tune and judge add up to {self.train + self.tune + self.judge:g}, not to 1")
        return self


class RetentionConfig(Section):
    """How long texts without a label are kept; null: for ever. Labelled rows stay until they are forgotten."""

    pool_days: PositiveInt | None = Field(default=None, description="Unlabelled texts, from the day they came in.")
    pool_mb: PositiveInt | None = Field(default=None, description="The newest files of unlabelled texts up to this.")
    predictions_days: PositiveInt | None = Field(default=None, description="Served texts with their answers.")
    predictions_mb: PositiveInt | None = Field(default=None, description="The newest of them up to this.")
    inbox_days: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="Dropped files that became a batch, as they were before any masking."
    )
    grace_days: PositiveInt = Field(
        default=7, description="What a snapshot of the last days names is not removed: a retrain may be at work."
    )


class DataConfig(Section):
    """How dropped files are read, and which rows are let in."""

    text_column: str = "text"
    target_column: str | None = Field(default=None, description="Default: the problem's own (label, labels or spans).")
    label_delimiter: Annotated[str, Field(min_length=1, max_length=5)] = Field(
        default="|", description="What parts the labels in one cell of CSV, where a text has several."
    )
    attribute_columns: tuple[str, ...] = Field(
        default=(),
        max_length=20,
        description="Columns that are kept beside a row, for slices of the gate. They are never learnt from.",
    )
    time_column: str | None = Field(default=None, description="Column with an ISO 8601 date or time, if there is one.")
    audit_column: str | None = Field(
        default="audit",
        description="Column that marks rows drawn from traffic by chance alone: true, or the probability with which "
        "the row was drawn. They are judge rows, and say how the model does on recent traffic. null: no such column.",
    )
    test_files: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        default=(),
        max_length=100,
        description="Names of dropped files, such as `test*.csv` or `test/*`, whose rows judge. Then no others do, "
        "but for audit rows: all the rest trains and tunes.",
    )
    split_column: str | None = Field(
        default=None,
        description="Column with the project's own splits: train; tune, validation, valid or dev; judge or test. Then "
        "a row judges only where this says so, or `test_files`.",
    )
    max_text_chars: PositiveInt = 10_000
    max_file_mb: PositiveInt = Field(default=512, description="Bound on one file, after decompression.")
    on_unknown_label: Literal["refuse", "quarantine", "accept"] = Field(
        default="quarantine",
        description="A label not seen before: refuse the file, quarantine the row, or accept it as new when it has "
        "new_label_min_rows rows. In a project's first batch every label is new, and `accept` holds.",
    )
    new_label_min_rows: PositiveInt = 2
    max_refused_share: Share = Field(
        default=0.6, description="A file with more refused rows than this is stopped whole."
    )
    suite: str | None = Field(
        default=None,
        description="The project's own suite beside fsl.yaml: Great Expectations' JSON of expectations about columns.",
    )
    earliest_year: Annotated[int, Field(ge=1, le=9999)] = Field(
        default=1970, description="A row's time may not be before this year, nor more than a day ahead of the clock."
    )
    max_new_label_share: Share = Field(
        default=0.9,
        description="A file of min_rows_for_shares rows or more is stopped whole when more of its rows than this have "
        "labels that are new: somebody renamed them.",
    )
    max_label_shift: Share = Field(
        default=0.5,
        description="How far the shares of labels may move from those before (total variation), else noted.",
    )
    max_unseen_script_share: Share = Field(
        default=0.1, description="Share of rows in a script that no earlier row has, above which it is noted."
    )
    max_cut_share: Share = Field(
        default=0.1,
        description="Share of texts longer than what the encoder reads in all its windows, above which it is noted.",
    )
    min_rows_for_shares: PositiveInt = 20
    splits: SplitConfig = SplitConfig()
    near_duplicate_similarity: Annotated[float, Field(ge=0.7, le=1.0)] = Field(
        default=0.85,
        description="Texts that share this much of their runs of four characters (Jaccard) share a split; 1: only "
        "texts that are equal but for case and punctuation.",
    )
    pool_from_traffic: bool = Field(default=True, description="Texts that were served join the unlabelled pool.")
    max_pool_texts: PositiveInt = 20_000
    mask: tuple[Literal["email", "phone", "card", "account"], ...] = Field(
        default=(), description="Personal data that is masked before anything of a dropped file is stored."
    )
    mask_region: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] | None = Field(
        default=None, description="Country, such as DE, whose phone numbers are found without their country code."
    )
    retention: RetentionConfig = RetentionConfig()
    forget_deadline_days: PositiveInt = Field(
        default=30,
        description="After this many days the gate refuses a version that learnt from rows which were asked to be "
        "forgotten. A month is what the GDPR's article 12(3) gives for an answer.",
    )

    @property
    def declares_judge_rows(self) -> bool:
        """Whether the project says itself which rows judge."""
        return bool(self.test_files or self.split_column)

    @property
    def drawn_splits(self) -> SplitConfig:
        """Return the shares by which rows of no declared split are drawn; none judges where judge rows are declared."""
        if not self.declares_judge_rows:
            return self.splits
        return SplitConfig(train=self.splits.train + self.splits.judge, tune=self.splits.tune, judge=0.0)
