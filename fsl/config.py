"""One frozen typed tree, which `fsl.config_file` reads from one `fsl.yaml`. Every default of the product stands here.

Any value can be overridden from the environment: `FSL_STORE__ENDPOINT_URL` sets `store.endpoint_url`. Secrets are
never part of it (they come by the AWS credential chain), so a config can be logged, compared, and stored beside the
model it produced.
"""

import base64
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from fsl.schedules import checked_cron, checked_hours, checked_timezone
from fsl.trigger_graph import find_circle

Share = Annotated[float, Field(ge=0.0, le=1.0)]
PACKAGED_ENCODER = "packaged:all-MiniLM-L6-v2"


def _is_slug(name: str) -> str:
    if not name.replace("-", "").isalnum() or name != name.lower() or not name.isascii() or name.startswith("-"):
        raise ValueError("use lower-case ASCII letters, digits and hyphens, such as support-intents")
    return name


def _is_absolute(path: Path) -> Path:
    if not path.is_absolute():
        raise ValueError("name the whole path, such as /mnt/shared/fsl.lock: workers start in other folders")
    return path


class Section(BaseModel):
    """A part of the config: frozen, and closed to keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ProblemConfig(Section):
    """What is to be learnt."""

    kind: Literal["classification", "tagging"] = "classification"


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
    target_column: str | None = Field(default=None, description="Default: the problem's own (label, or spans).")
    attribute_columns: tuple[str, ...] = Field(
        default=(),
        max_length=20,
        description="Columns that are kept beside a row, for slices of the gate. They are never learnt from.",
    )
    time_column: str | None = Field(default=None, description="Column with an ISO 8601 date or time, if there is one.")
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
        description="Share of texts with more words than learning.encoder.max_length_tokens, above which it is noted.",
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


class EncoderConfig(Section):
    """Which pretrained encoders. A name is `packaged:…`, a folder, or a model of the Hugging Face hub."""

    student: str = PACKAGED_ENCODER
    student_layers: PositiveInt | None = Field(
        default=None, description="Keep this many layers, spread evenly; null: all."
    )
    teacher: str = PACKAGED_ENCODER
    max_length_tokens: Annotated[int, Field(ge=8, le=512)] = 128


class AdapterConfig(Section):
    """Which weights move. LoRA: Hu et al. 2021, arXiv:2106.09685."""

    method: Literal["lora", "full"] = "lora"
    rank: PositiveInt = 16
    alpha: PositiveFloat = 32.0
    dropout: Share = 0.05
    targets: Literal["attention", "all"] = "all"


class TrainingConfig(Section):
    """One fit of an encoder with its head."""

    epochs: PositiveInt = 6
    batch_size: PositiveInt = 32
    learning_rate: PositiveFloat = 1e-3
    weight_decay: Annotated[float, Field(ge=0.0)] = 0.01
    warmup_share: Share = 0.1


class DistillationConfig(Section):
    """Hinton, Vinyals and Dean 2015, arXiv:1503.02531."""

    temperature: PositiveFloat = 2.0
    weight_soft: Annotated[float, Field(ge=0.0)] = 1.0
    weight_hard: Annotated[float, Field(ge=0.0)] = 0.5
    min_pool_confidence: Share = Field(
        default=0.3, description="Pool texts of which the teacher is less sure are left out."
    )


class LearningConfig(Section):
    """The slow speed: teacher, soft labels, distillation; and the probe that every candidate must beat."""

    encoder: EncoderConfig = EncoderConfig()
    adapter: AdapterConfig = AdapterConfig()
    teacher: TrainingConfig = TrainingConfig()
    student: TrainingConfig = TrainingConfig()
    distillation: DistillationConfig = DistillationConfig()
    seed: int = 17
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "float32", "bfloat16"] = "auto"


class ExportConfig(Section):
    """ONNX, and how far int8 may be from fp32."""

    int8: bool = True
    max_disagreement: Share = Field(
        default=0.015, description="Upper 95% bound of the share of unlabelled texts whose answer int8 may change."
    )
    max_parity_error: PositiveFloat = Field(
        default=1e-3, description="Largest difference of probabilities, torch to fp32."
    )


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
    score: Literal["headline", "macro_f1"] = Field(
        default="headline", description="What decides: the problem's own score, or the mean F1 over labels."
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


Cron = Annotated[str, AfterValidator(checked_cron)]
FlowName = Literal["ingest", "retrain", "watch", "drift", "cycle", "housekeeping"]
EventName = Literal["fsl.batch.accepted", "fsl.drift.checked", "fsl.retrain.finished", "fsl.champion.moved"]


class ScheduleConfig(Section):
    """When flows run by themselves, as cron lines; null: never. They hold once a worker serves the project."""

    timezone: Annotated[str, AfterValidator(checked_timezone)] = Field(
        default="UTC", description="Of the cron lines and of `triggers.quiet_hours`."
    )
    jitter_minutes: Annotated[int, Field(ge=0, le=59)] = Field(
        default=0, description="Each project starts up to so many minutes later, always the same, within the hour."
    )
    cycle: Cron | None = Field(
        default="0 * * * *", description="Ingest, watch, drift, and what `triggers` then asks for."
    )
    ingest: Cron | None = None
    retrain: Cron | None = Field(default=None, description="Whatever `triggers` says; nothing new, nothing is done.")
    watch: Cron | None = None
    drift: Cron | None = None
    housekeeping: Cron | None = "30 4 * * *"
    inbox_seconds: PositiveFloat | None = Field(
        default=5.0, description="How often the inbox is looked at; null: only schedules and notifications."
    )


class TriggerRuleConfig(Section):
    """One more thing that starts a flow."""

    after: EventName
    action: str | None = Field(default=None, description="The event's `fsl.action`, such as promote; null: any.")
    run: FlowName


class TriggerConfig(Section):
    """What starts a retrain by itself, and what holds it back. A person is never held back."""

    min_new_rows: PositiveInt = Field(
        default=200, description="A retrain is due when this many rows were accepted since the last."
    )
    max_wait_hours: PositiveFloat | None = Field(
        default=None, description="It is due too when fewer rows have waited for so long; null: they wait for more."
    )
    on_drift: bool = True
    min_audited_accuracy: Share | None = Field(
        default=None, description="It is due when audited rows of served traffic say that accuracy is surely below."
    )
    min_hours_between: Annotated[float, Field(ge=0.0)] = Field(
        default=0.0, description="From the start of one retrain to the next."
    )
    max_retrains_per_day: PositiveInt | None = Field(default=None, description="Over the last 24 hours; null: any.")
    max_minutes_per_day: PositiveFloat | None = Field(
        default=None, description="Minutes of retraining over the last 24 hours after which no other begins; null: any."
    )
    quiet_hours: Annotated[str, AfterValidator(checked_hours)] | None = Field(
        default=None, description="When no retrain begins, such as 08:00-18:00, in `schedule.timezone`."
    )
    also: tuple[TriggerRuleConfig, ...] = Field(default=(), max_length=20)

    @model_validator(mode="after")
    def _comes_to_rest(self) -> "TriggerConfig":
        circle = find_circle((rule.after, rule.run) for rule in self.also)
        if circle is not None:
            raise ValueError(f"a trigger would set itself off for ever: {' -> '.join(circle)}. Take one of `also` out")
        return self


def _is_public_key(text: str) -> str:
    try:
        n_bytes = len(base64.b64decode(text, validate=True))
    except ValueError as error:
        raise ValueError("it is not base64; `fsl models keygen` prints the line to put here") from error
    if n_bytes != 32:
        raise ValueError(f"an Ed25519 public key has 32 bytes, and this has {n_bytes}")
    return text


class TrustedKeyConfig(Section):
    """A public key whose signature counts."""

    name: str
    public_key: Annotated[str, AfterValidator(_is_public_key)] = Field(description="32 bytes in base64.")
    may: tuple[Literal["publish", "promote"], ...] = ("publish", "promote")


class ClaimsConfig(Section):
    """How one worker keeps others from doing the same."""

    expiry_seconds: Annotated[float, Field(ge=1.0, le=86_400.0)] = Field(
        default=120.0, description="A worker that is silent for longer is dead to the others, and they go on."
    )
    wait_minutes: PositiveFloat = Field(
        default=240.0, description="How long a retrain waits for another of the same project to end."
    )


class RegistryConfig(Section):
    """Who is trusted with versions and aliases. A worker that must not trust the bucket has it from its environment."""

    require_signature: bool = Field(default=False, description="Refuse what no listed key signed.")
    keys: tuple[TrustedKeyConfig, ...] = ()
    keep_days: PositiveFloat = Field(
        default=30.0, description="`fsl models gc` keeps younger versions, whoever names them."
    )
    grace_hours: PositiveFloat = Field(
        default=24.0, description="What a cleaning marked goes after this long, if it is still unneeded."
    )
    keep_run_days: PositiveFloat = Field(
        default=7.0, description="Housekeeping keeps the files of a retrain's steps for so long; its verdict stays."
    )
    max_version_gb: PositiveFloat = Field(
        default=20.0, description="A larger version is neither imported nor copied here."
    )

    @model_validator(mode="after")
    def _somebody_may(self) -> "RegistryConfig":
        missing = {"publish", "promote"} - {act for key in self.keys for act in key.may}
        if self.require_signature and missing:
            raise ValueError(f"require_signature is set, and no key may {' or '.join(sorted(missing))}")
        return self


class StoreConfig(Section):
    """Where everything lies. Credentials come by the AWS chain, never from here."""

    endpoint_url: str | None = Field(default=None, description="null: the embedded server of this project's folder.")
    embedded_program: str | None = Field(
        default=None,
        min_length=1,
        description="A SeaweedFS program for the embedded server: a name on the PATH, such as weed, or a path. "
        "null: the packaged one.",
    )
    bucket: str = "fsl"
    region: str = "us-east-1"
    single_writer: bool = Field(
        default=False, description="Promise that nobody else writes, for stores without create-only."
    )
    lock_file: Annotated[Path, AfterValidator(_is_absolute)] | None = Field(
        default=None,
        description="For stores without create-only: a file by whose lock all writers take turns. Every one of them "
        "must name it, and see it on one file system that passes flock on.",
    )


class RunConfig(BaseSettings):
    """The whole config of one project."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_prefix="FSL_",
        env_nested_delimiter="__",
        nested_model_default_partial_update=True,
    )

    heeds_environment: ClassVar[bool] = True

    project: Annotated[str, AfterValidator(_is_slug), Field(max_length=63)]
    problem: ProblemConfig = ProblemConfig()
    data: DataConfig = DataConfig()
    learning: LearningConfig = LearningConfig()
    export: ExportConfig = ExportConfig()
    gate: GateConfig = GateConfig()
    drift: DriftConfig = DriftConfig()
    watch: WatchConfig = WatchConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    triggers: TriggerConfig = TriggerConfig()
    claims: ClaimsConfig = ClaimsConfig()
    registry: RegistryConfig = RegistryConfig()
    store: StoreConfig = StoreConfig()

    @model_validator(mode="after")
    def _slices_have_their_columns(self) -> "RunConfig":
        for one in self.gate.slices:
            if one.column is not None and one.column not in self.data.attribute_columns:
                raise ValueError(f"the slice {one.name!r} looks at {one.column!r}; list it in data.attribute_columns")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file; nothing else is read."""
        return (env_settings, init_settings) if cls.heeds_environment else (init_settings,)


class RecordedConfig(RunConfig):
    """A config read back as it was recorded: the environment of whoever reads it changes nothing."""

    heeds_environment: ClassVar[bool] = False
