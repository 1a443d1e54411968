"""One scale of surprise for statistics of all kinds, so that the oddest of them can be told."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

N_PILOT = 200  # shuffles that give the scale


@dataclass(frozen=True, eq=False)
class Scale:
    """Mean, spread and skewness of each statistic, as a gamma distribution has them."""

    mean: NDArray[np.float64]
    spread: NDArray[np.float64]
    shape: NDArray[np.float64]

    @classmethod
    def of(cls, statistics: NDArray[np.float64]) -> "Scale":
        """Return the scale that shuffles give, (n_shuffles, ...)."""
        mean = statistics.mean(axis=0)
        centred = statistics - mean
        spread = np.sqrt((centred**2).mean(axis=0))
        skewness = (centred**3).mean(axis=0) / np.maximum(spread, 1e-12) ** 3
        return cls(mean, spread, 4.0 / np.clip(skewness, 0.05, 4.0) ** 2)

    def surprise(self, statistics: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the normal deviate that is as rare under that gamma distribution.

        Source:
            Wilson and Hilferty 1931, PNAS 17:684-688.
        """
        # A statistic that no shuffle moves says nothing.
        z = np.divide(statistics - self.mean, self.spread, out=np.zeros_like(statistics), where=self.spread > 1e-12)
        x = 1.0 + z / np.sqrt(self.shape)
        return np.asarray((np.cbrt(x) - (1 - 1 / (9 * self.shape))) * 3 * np.sqrt(self.shape))
