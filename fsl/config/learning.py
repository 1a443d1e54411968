"""How a student learns: `learning`."""

from typing import Annotated, Literal, Self

from pydantic import Field, JsonValue, PositiveFloat, PositiveInt, ValidationError, model_validator

from fsl.config.base import PACKAGED_ENCODER, Section, Share
from fsl.config.fitting import AdapterConfig, TeacherConfig, TrainingConfig


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
    max_windows: Annotated[int, Field(ge=1, le=64)] = Field(
        default=8, description="A longer text is read in up to so many pieces of that length; what is behind is not."
    )

    @property
    def most_tokens(self) -> int:
        """How much of a text is read, in all its windows."""
        return self.max_length_tokens * self.max_windows

    @property
    def teachers(self) -> tuple[str, ...]:
        """The teachers' names, at least one."""
        return (self.teacher,) if isinstance(self.teacher, str) else self.teacher


class PropagationConfig(Section):
    """Labels spread over unlabelled texts along a graph of neighbours. Zhou et al. 2004."""

    n_neighbours: Annotated[int, Field(ge=0)] = Field(default=15, description="0: the teacher's own answers are used.")
    reach: Share = Field(default=0.9, description="Share that comes from the neighbours at each step.")
    belief_weight: Share = Field(default=0.1, description="How much a teacher's answer counts against a label.")
    prior: Literal["even", "balanced", "none"] = Field(
        default="none",
        description="Of unlabelled texts that have one label each. even: every label is about as common (Zhu et al. "
        "2003); balanced: exactly as common, whatever the teachers say (Asano et al. 2020, arXiv:1911.05371); none: "
        "nobody knows.",
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
    by_confidence: bool = Field(
        default=False,
        description="The surer the teachers are of a text, the more its soft labels count. Iscen et al. 2019, "
        "arXiv:1904.04717, equation 11. Tried on one draw of Banking77: 0.3 points worse.",
    )
    weight_hidden: Annotated[float, Field(ge=0.0)] = Field(
        default=0.0,
        description="The student's layers follow the teacher's hidden states, spread evenly over its layers. 1.0 in "
        "Jiao et al. 2020 (TinyBERT), arXiv:1909.10351, section 4.2. Of the first teacher.",
    )
    weight_relations: Annotated[float, Field(ge=0.0)] = Field(
        default=0.0,
        description="How tokens relate to each other in the last layer is learnt from the first teacher. 1.0 in Wang "
        "et al. 2021 (MiniLMv2), arXiv:2012.15828.",
    )
    relation_heads: PositiveInt = Field(
        default=12, description="Divides the width of both encoders. arXiv:2012.15828 takes 12 to 64."
    )
    max_views_mb: PositiveInt = Field(
        default=2000,
        description="Room on disk for the teacher's inner states, written once and read in every epoch; texts beyond "
        "it are learnt from without them.",
    )
    weight_champion: Annotated[float, Field(ge=0.0)] = Field(
        default=0.0,
        description="The student also follows what the champion says of the labels that both know, so that it forgets "
        "less. 1.0 in Li and Hoiem 2016 (Learning without Forgetting), arXiv:1606.09282, section 3.",
    )
    rounds: Annotated[int, Field(ge=1, le=5)] = Field(
        default=1,
        description="So many students in a row, each at the first one's cost: where labels were spread over the pool, "
        "they are spread once more along the vectors of the student before. Iscen et al. 2019, arXiv:1904.04717.",
    )
    min_pool_confidence: Share = Field(
        default=0.3, description="Pool texts of which the teacher is less sure are left out."
    )


class MetaConfig(Section):
    """A start from which few labels are learnt sooner, found on episodes drawn from the labelled rows."""

    method: Literal["off", "maml", "reptile", "prototypes"] = Field(
        default="off",
        description="maml: Finn et al. 2017, arXiv:1703.03400; reptile: Nichol et al. 2018, arXiv:1803.02999; "
        "prototypes: Snell et al. 2017, arXiv:1703.05175 (of spans: a ridge regression instead of means, Bertinetto et "
        "al. 2019, arXiv:1805.08136). Sets of labels have none. Other than off, one more student is trained, from that "
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
        default=5,
        description="Rows of each label that an episode learns from. arXiv:1606.04080, section 4.1. Of spans twice as "
        "many at most, since a text shows several labels: arXiv:2105.07464, section 4.",
    )
    queries: PositiveInt = Field(
        default=5, description="Rows of each label that it is then asked about; a label with few rows gives fewer."
    )


class CandidateConfig(Section):
    """A student of another make: what it sets otherwise than the rest of `learning` does."""

    student: dict[str, JsonValue] = Field(default={})
    distillation: dict[str, JsonValue] = Field(default={})
    adapter: dict[str, JsonValue] = Field(default={})


CandidateName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9 _+-]{0,39}$")]
_TAKEN = ("probe", "distilled", "distilled from a meta-learned start")


class LearningConfig(Section):
    """The slow speed: teacher, soft labels, distillation; and the probe that every candidate must beat."""

    encoder: EncoderConfig = EncoderConfig()
    adapter: AdapterConfig = AdapterConfig()
    teacher: TeacherConfig = TeacherConfig()
    student: TrainingConfig = TrainingConfig()
    propagation: PropagationConfig = PropagationConfig()
    distillation: DistillationConfig = DistillationConfig()
    meta: MetaConfig = MetaConfig()
    label_names: Literal["auto", "off"] = Field(
        default="auto",
        description="auto: with few rows a label, names are train rows of their own where held-out rows get likelier "
        "with them, which vectors of the untouched student are asked. off: never, as where names say how texts sound "
        "and not what they are about.",
    )
    candidates: Annotated[dict[CandidateName, CandidateConfig], Field(max_length=16)] = Field(
        default={},
        description="Students of another make, by name. The best of them, by successive halving within "
        "`budget_minutes`, is held against the plain student, and ships only where held-out rows say that it beats "
        "that one and the probe. arXiv:1502.07943.",
    )
    budget_minutes: Annotated[float, Field(ge=0.0)] = Field(
        default=30.0,
        description="With too few tune rows, training is rehearsed without some train rows and asked about those, "
        "if that fits into this time. 0: never, and then the probe ships. Students beside the plain one are tried in "
        "what is left of it.",
    )
    tracking: Literal["tensorboard", "mlflow", "wandb", "off"] = Field(
        default="tensorboard",
        description="Who keeps losses, learning rate and the score of tune rows after each epoch. tensorboard: event "
        "files beside the run's own, where it is installed; mlflow, wandb: by their own environment variables.",
    )
    seed: int = 17
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    compile: Literal["auto", "on", "off"] = Field(
        default="auto",
        description="Whether torch compiles the encoder, which takes a minute; auto: on a GPU, for long fits.",
    )

    @model_validator(mode="after")
    def _candidates_are_students(self) -> Self:
        for name in self.candidates:
            if name in _TAKEN:
                raise ValueError(f"the candidate {name!r} needs another name: there is one of this name already")
            try:
                self.as_candidate(name)
            except ValidationError as error:
                said = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
                raise ValueError(f"the candidate {name!r} sets what cannot be set so: {said}") from error
        return self

    def as_candidate(self, name: str) -> "LearningConfig":
        """Return what a candidate sees as `learning`, which names no further candidates."""
        change = self.candidates[name]
        return LearningConfig.model_validate(
            self.model_dump(exclude={"candidates"})
            | {
                "student": self.student.model_dump() | change.student,
                "distillation": self.distillation.model_dump() | change.distillation,
                "adapter": self.adapter.model_dump() | change.adapter,
            }
        )

    @property
    def variants(self) -> tuple["LearningConfig", ...]:
        """`learning` as it stands, and as each candidate sees it."""
        return (self, *(self.as_candidate(name) for name in self.candidates))
