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
