"""How one encoder is fitted: `learning.adapter`, `learning.teacher` and `learning.student`."""

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from fsl.config.base import Section, Share


class AdapterConfig(Section):
    """Which weights move. LoRA: Hu et al. 2021, arXiv:2106.09685; DoRA: arXiv:2402.09353; IA3: arXiv:2205.05638."""

    method: Literal["lora", "dora", "ia3", "full"] = Field(
        default="lora", description="lora and dora want a learning rate near 1e-3, ia3 more, full one near 1e-4."
    )
    rank: PositiveInt = 16
    alpha: PositiveFloat = 32.0
    dropout: Share = 0.05
    targets: Literal["attention", "all"] = "all"


class RegularisingConfig(Section):
    """What keeps a fit to few rows from learning them by heart. All of it is off until rows that were held out ask for
    it: `learning.candidates` and `fsl tune` can."""

    dropout: Annotated[float, Field(ge=0.0, lt=1.0)] | None = Field(
        default=None, description="Of the encoder while it learns; null: as its own config says. arXiv:1207.0580."
    )
    weight_r_drop: Annotated[float, Field(ge=0.0)] = Field(
        default=0.0,
        description="Two passes that drop out other units must agree; a step takes twice as long. Liang et al. "
        "2021, arXiv:2106.14448, take 0.1 to 1.0 for texts, which are half as much here.",
    )
    word_dropout: Share = Field(
        default=0.0,
        description="Share of tokens that a text is read without, drawn anew in each step; 0.1 to 0.3. Iyyer et al. "
        "2015, Deep Unordered Composition Rivals Syntactic Methods, section 4.1.",
    )
    edited_copies: Annotated[int, Field(ge=0, le=16)] = Field(
        default=0,
        description="So many copies of each labelled text are learnt from too, with typos, other case or punctuation. "
        "Wei and Zou 2019, arXiv:1901.11196.",
    )
    mixup: Annotated[float, Field(ge=0.0)] = Field(
        default=0.0,
        description="Vectors of two texts are mixed, and their labels too; the share is drawn from Beta(mixup, mixup). "
        "0.2 to 1. Zhang et al. 2018, arXiv:1710.09412; of sentences: arXiv:1905.08941.",
    )
    adversarial_radius: Annotated[float, Field(ge=0.0)] = Field(
        default=0.0,
        description="The loss must hold where what goes into the first layer is moved this share of its own length in "
        "the worst direction; a step takes about twice as long. 0.05 to 0.2. Miyato et al. 2017, arXiv:1605.07725.",
    )
    patience: Annotated[int, Field(ge=0)] = Field(
        default=0,
        description="Epochs without a better score after which a fit ends; the best epoch is what it gives. Every "
        "other tune row is asked for that and for nothing else, so it takes 40 of them. 0: off. Prechelt 1998.",
    )


class TrainingConfig(RegularisingConfig):
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
    freeze_layers: Annotated[int, Field(ge=0)] = Field(
        default=0,
        description="Embeddings and so many of the lowest layers stay as they are; what they make of a text is "
        "computed once, and reused in each epoch. Lee et al. 2019, arXiv:1911.03090.",
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
