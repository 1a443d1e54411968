"""The encoder that every start begins from: the packaged one, with a fresh adapter of which nothing is learnt yet."""

from typing import Any

import torch

from fsl.config import EncoderConfig, LearningConfig
from fsl.problems.base import UnitKind


def lay_fresh_adapter(config: LearningConfig, unit: UnitKind) -> tuple[Any, Any]:
    """Return the network and its reader; dropout is off, as while a start is learnt."""
    from fsl.learning.encoders import load_encoder
    from fsl.learning.training.adapters import lay_adapter

    encoder = load_encoder(EncoderConfig(), role="student", unit=unit)
    torch.manual_seed(config.seed)
    encoder.network.backbone = lay_adapter(encoder.network.backbone, config.adapter)
    return encoder.network.eval(), encoder.reader(unit)
