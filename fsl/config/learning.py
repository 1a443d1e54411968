"""How a student learns: `learning`."""

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from fsl.config.base import PACKAGED_ENCODER, Section, Share


class EncoderConfig(Section):
    """Which pretrained encoders. A name is `packaged:…`, a folder, or a model of the Hugging Face hub."""

    student: str = PACKAGED_ENCODER
    student_layers: PositiveInt | None = Field(
        default=None, description="Keep this many layers, spread evenly; null: all."
    )
    teacher: str | tuple[str, ...] = Field(
        default=PACKAGED_ENCODER, description="One name, or several: what they say is weighed by held-out likelihood."
    )
    max_length_tokens: Annotated[int, Field(ge=8, le=512)] = 128

    @property
    def teachers(self) -> tuple[str, ...]:
        """The teachers' names, at least one."""
        return (self.teacher,) if isinstance(self.teacher, str) else self.teacher


class AdapterConfig(Section):
    """Which weights move. LoRA: Hu et al. 2021, arXiv:2106.09685; DoRA: arXiv:2402.09353; IA3: arXiv:2205.05638."""

    method: Literal["lora", "dora", "ia3", "full"] = Field(
        default="lora", description="lora and dora want a learning rate near 1e-3, ia3 more, full one near 1e-4."
    )
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
    layer_decay: Annotated[float, Field(gt=0.0, le=1.0)] = Field(
        default=1.0,
        description="Each layer's rate is this many times that of the one above. Howard and Ruder, arXiv:1801.06146.",
    )
    label_smoothing: Share = Field(
        default=0.0, description="Share of each target spread over all labels. Szegedy et al. 2015, arXiv:1512.00567."
    )


class TeacherConfig(TrainingConfig):
    """The teacher's fit to the labelled rows."""

    epochs: Annotated[int, Field(ge=0)] = Field(
        default=6,
        description="0: the teacher stays as it came, and a head on it speaks. Its vectors of the pool are then the "
        "only cost, a small part of an adaptation's.",
    )
    weight_contrastive: Annotated[float, Field(ge=0.0)] = Field(
        default=1.0,
        description="Pulls texts of one label together, over a batch's pairs. Khosla et al. 2020, arXiv:2004.11362.",
    )
    contrastive_temperature: PositiveFloat = 0.1


class PropagationConfig(Section):
    """Labels spread over unlabelled texts along a graph of neighbours. Zhou et al. 2004."""

    n_neighbours: Annotated[int, Field(ge=0)] = Field(default=15, description="0: the teacher's own answers are used.")
    reach: Share = Field(default=0.9, description="Share that comes from the neighbours at each step.")
    belief_weight: Share = Field(default=0.1, description="How much a teacher's answer counts against a label.")
    prior: Literal["even", "none"] = Field(
        default="none",
        description="even: every label is as common among unlabelled texts (Zhu et al. 2003); none: not known.",
    )


class DistillationConfig(Section):
    """Hinton, Vinyals and Dean 2015, arXiv:1503.02531."""

    temperature: PositiveFloat = 2.0
    weight_soft: Annotated[float, Field(ge=0.0)] = 1.0
    weight_hard: Annotated[float, Field(ge=0.0)] = 0.5
    head: Literal["cosine", "linear"] = Field(
        default="linear",
        description="cosine: a student of texts starts at its labels' mean vectors and learns scaled cosines, which "
        "holds up better on few labels; words are always linear. Gidaris and Komodakis 2018, arXiv:1804.09458.",
    )
    cosine_scale: PositiveFloat = 20.0
    sharpening: Annotated[float, Field(ge=1.0)] = Field(
        default=1.0, description="Power that soft labels are raised to. Berthelot et al. 2019, arXiv:1905.02249."
    )
    min_pool_confidence: Share = Field(
        default=0.3, description="Pool texts of which the teacher is less sure are left out."
    )


class MetaConfig(Section):
    """A start from which few labels are learnt sooner, found on episodes drawn from the labelled rows of texts."""

    method: Literal["off", "maml", "reptile", "prototypes"] = Field(
        default="off",
        description="maml: Finn et al. 2017, arXiv:1703.03400; reptile: Nichol et al. 2018, arXiv:1803.02999; "
        "prototypes: Snell et al. 2017, arXiv:1703.05175. Other than off, one more student is trained, from that "
        "start; it ships only where held-out rows say that it beats the other student, and the probe.",
    )
    inner_steps: PositiveInt = Field(
        default=5, description="Steps within an episode; prototypes take none. Finn et al., arXiv:1703.03400, A.1."
    )
    inner_lr: PositiveFloat = Field(
        default=0.01, description="Rate of these steps. Finn et al. 2017, arXiv:1703.03400, appendix A.1."
    )
    order: Literal[1, 2] = Field(
        default=1,
        description="Of maml. 2: the gradient goes through the inner steps; 1: it does not, at about half the time. "
        "arXiv:1703.03400, section 5.2.",
    )
    outer_lr: PositiveFloat = Field(
        default=1e-3, description="Rate at which the start moves (Adam, falling to 0). arXiv:1703.03400, appendix A.1."
    )
    episodes: PositiveInt = Field(
        default=60, description="How many are drawn. Papers take thousands, from random weights; ours know language."
    )
    ways: Annotated[int, Field(ge=2)] = Field(
        default=5, description="Labels in an episode. Vinyals et al. 2016, arXiv:1606.04080, section 4.1."
    )
    shots: PositiveInt = Field(
        default=5, description="Rows of each label that an episode learns from. arXiv:1606.04080, section 4.1."
    )
    queries: PositiveInt = Field(
        default=5, description="Rows of each label that it is then asked about; a label with few rows gives fewer."
    )


class LearningConfig(Section):
    """The slow speed: teacher, soft labels, distillation; and the probe that every candidate must beat."""

    encoder: EncoderConfig = EncoderConfig()
    adapter: AdapterConfig = AdapterConfig()
    teacher: TeacherConfig = TeacherConfig()
    student: TrainingConfig = TrainingConfig()
    propagation: PropagationConfig = PropagationConfig()
    distillation: DistillationConfig = DistillationConfig()
    meta: MetaConfig = MetaConfig()
    budget_minutes: Annotated[float, Field(ge=0.0)] = Field(
        default=30.0,
        description="With too few tune rows, training is rehearsed without some train rows and asked about those, "
        "if that fits into this time. 0: never, and then the probe ships.",
    )
    tracking: Literal["tensorboard", "mlflow", "wandb", "off"] = Field(
        default="tensorboard",
        description="Who keeps losses, learning rate and the score of tune rows after each epoch. tensorboard: event "
        "files beside the run's own, where it is installed; mlflow, wandb: by their own environment variables.",
    )
    seed: int = 17
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
