"""Numbers of one byte: weights signed, activations unsigned, which is what processors multiply quickest."""

import numpy as np
from numpy.typing import NDArray


def activation_scale(low: float, high: float) -> tuple[float, int]:
    """Return the scale of activations between two ends, and the whole number that stands for zero."""
    scale = (high - low) / 255 or 1.0
    return scale, int(np.clip(round(-low / scale), 0, 255))


def round_weight(
    weight: NDArray[np.float32], *, per_channel: bool = True
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return whole numbers and their scale, for each column or for all. Symmetric: zero is zero."""
    largest = np.abs(weight).max(axis=0 if per_channel else None)
    scale = np.where(largest > 0, largest / 127, 1.0).astype(np.float32)
    return np.clip(np.round(weight / scale), -127, 127).astype(np.int8), scale
