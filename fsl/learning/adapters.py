"""Which weights of an encoder move: a low-rank adapter laid over it, or all of them."""

import warnings

from torch import nn

from fsl.config import AdapterConfig

_ATTENTION = ["query", "key", "value", "q", "k", "v", "q_proj", "k_proj", "v_proj", "q_lin", "k_lin", "v_lin"]


def lay_adapter(backbone: nn.Module, config: AdapterConfig) -> nn.Module:
    """Return the base model with a fresh adapter over it, which changes nothing yet; or all of it free to move."""
    if config.method == "full":
        return backbone.requires_grad_(True)
    from peft import LoraConfig, get_peft_model

    lora = LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,
        lora_dropout=config.dropout,
        target_modules="all-linear" if config.targets == "all" else _attention_of(backbone),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft asks transformers by a name that is going away
        return get_peft_model(backbone, lora)


def _attention_of(backbone: nn.Module) -> list[str]:
    return sorted({name.rsplit(".", 1)[-1] for name, _ in backbone.named_modules()} & set(_ATTENTION))
