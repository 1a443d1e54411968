"""One frozen typed tree, which `fsl.config_file` reads from one `fsl.yaml`. Every default of the product stands here.

Any value can be overridden from the environment: `FSL_STORE__ENDPOINT_URL` sets `store.endpoint_url`. Secrets are
never part of it (they come by the AWS credential chain), so a config can be logged, compared, and stored beside the
model it produced.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

Share = Annotated[float, Field(ge=0.0, le=1.0)]
PACKAGED_ENCODER = "packaged:all-MiniLM-L6-v2"


def _is_slug(name: str) -> str:
    if not name.replace("-", "").isalnum() or name != name.lower() or not name.isascii() or name.startswith("-"):
        raise ValueError("use lower-case ASCII letters, digits and hyphens, such as support-intents")
    return name


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


class DataConfig(Section):
    """How dropped files are read, and which rows are let in."""

    text_column: str = "text"
    target_column: str | None = Field(default=None, description="Default: the problem's own (label, or spans).")
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


class GateConfig(Section):
    """When a challenger is promoted."""

    alpha: Annotated[float, Field(gt=0.0, lt=0.5)] = 0.05
    non_inferiority_margin: Share = Field(
        default=0.03, description="How much worse on shared labels an update with new ones may be."
    )
    min_new_label_recall: Share = 0.5
    min_judge_rows_per_label: PositiveInt = 3
    max_latency_p95_ms: PositiveFloat = 40.0
    on_undecided: Literal["keep", "promote_if_not_worse"] = "keep"


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


class TriggerConfig(Section):
    """What starts a retrain by itself."""

    min_new_rows: PositiveInt = Field(
        default=200, description="A retrain is due when this many rows were accepted since the last."
    )
    on_drift: bool = True


class StoreConfig(Section):
    """Where everything lies. Credentials come by the AWS chain, never from here."""

    endpoint_url: str | None = Field(default=None, description="null: the embedded server of this project's folder.")
    bucket: str = "fsl"
    region: str = "us-east-1"
    single_writer: bool = Field(
        default=False, description="Promise that nobody else writes, for stores without create-only."
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
    triggers: TriggerConfig = TriggerConfig()
    store: StoreConfig = StoreConfig()

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
