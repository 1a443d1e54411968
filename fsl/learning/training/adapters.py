"""Which weights of an encoder move: a few laid over it by an adapter, or all of them. The door to peft."""

import warnings
from typing import Any

from torch import nn

from fsl.config import AdapterConfig

_ATTENTION = {"query", "key", "value", "q", "k", "v", "q_proj", "k_proj", "v_proj", "q_lin", "k_lin", "v_lin"}
_KEYS_AND_VALUES = {"key", "value", "k", "v", "k_proj", "v_proj", "k_lin", "v_lin"}


def lay_adapter(backbone: nn.Module, config: AdapterConfig) -> nn.Module:
    """Return the base model with a fresh adapter over it, which changes nothing yet; or all of it free to move."""
    if config.method == "full":
        return backbone.requires_grad_(True)
    from peft import get_peft_model

    shape = _ia3(backbone) if config.method == "ia3" else _low_rank(backbone, config)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft asks transformers by a name that is going away
        return get_peft_model(backbone, shape)


def merge_adapter(backbone: nn.Module, config: AdapterConfig) -> nn.Module:
    """Return a plain model that computes what base model and adapter do together."""
    merged: nn.Module = backbone if config.method == "full" else backbone.merge_and_unload()
    return merged


def _low_rank(backbone: nn.Module, config: AdapterConfig) -> Any:
    """LoRA, or DoRA, which learns length and direction of each weight apart (Liu et al. 2024, arXiv:2402.09353)."""
    from peft import LoraConfig

    names = {name.rsplit(".", 1)[-1] for name, _ in backbone.named_modules()}
    return LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,
        lora_dropout=config.dropout,
        use_dora=config.method == "dora",
        target_modules="all-linear" if config.targets == "all" else sorted(names & _ATTENTION),
    )


def _ia3(backbone: nn.Module) -> Any:
    """One factor for each key, value and inner feed-forward unit (Liu et al. 2022, arXiv:2205.05638, section 3.3)."""
    from peft import IA3Config

    linear = {name: one for name, one in backbone.named_modules() if isinstance(one, nn.Linear)}
    heads = [name for name in linear if name.rsplit(".", 1)[-1] in _KEYS_AND_VALUES]
    # What narrows again is the second half of a feed-forward layer, whatever its family calls it.
    narrowing = [name for name, one in linear.items() if one.in_features > one.out_features]
    return IA3Config(target_modules=[*heads, *narrowing], feedforward_modules=narrowing)
