"""What makes a fit quick on the machine at hand: how many devices, which attention, whether the encoder is compiled.

Decisions are pure, so that what a machine with GPUs does can be read, and tested, on one without.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from fsl.config import LearningConfig
from fsl.problems.base import UnitKind

BACKEND = "inductor"
OPTIMISER = "adamw_torch_fused"  # the Trainer's name for AdamW in one kernel, a third of the time on a CPU as well
_MANY_STEPS = 2_000  # from which on compiling may pay for the minute that it takes; not measured on a GPU


def count_devices(n_gpus: int, unit: UnitKind, *, hooked: bool) -> int:
    """Return how many GPUs a fit uses, by the Trainer's data parallelism; 1 stands for one GPU, or for the CPU.

    Only a batch of texts can be dealt out row by row: words have more units than rows, and hooks, or frozen layers,
    belong to one copy of the encoder.
    """
    return max(1, n_gpus) if unit == "text" and not hooked else 1


def per_device(batch_size: int, n_devices: int) -> int:
    """Return how many texts each device takes, so that a step sees as many as with one."""
    return max(1, batch_size // n_devices)


def attention_of(*, on_cpu: bool) -> AbstractContextManager[None]:
    """Return a context in which attention is computed in the way whose gradients are quickest.

    On a CPU that is the plain one: in bf16 torch's fused kernel takes up to 14 times as long backwards for texts of up
    to 64 tokens (torch 2.13, AMX).
    """
    return sdpa_kernel(SDPBackend.MATH) if on_cpu else nullcontext()


def wants_compile(config: LearningConfig, *, on_cpu: bool, n_steps: int, hooked: bool) -> bool:
    """Say whether the encoder is compiled. Hooks are read and moved in every step, which a compiled encoder forbids."""
    if hooked or config.compile == "off":
        return False
    return config.compile == "on" or (not on_cpu and n_steps >= _MANY_STEPS)


@contextmanager
def compiled(backbone: nn.Module, *, wanted: bool) -> Iterator[None]:
    """Have an encoder run compiled for as long as the block lasts, for texts of any length.

    Where the compiler fails, torch says so and runs the encoder as it is.
    """
    if not wanted:
        yield
        return
    import torch._dynamo

    backbone.compile(backend=BACKEND, dynamic=True)
    try:
        with torch._dynamo.config.patch(suppress_errors=True):
            yield
    finally:
        backbone._compiled_call_impl = None
