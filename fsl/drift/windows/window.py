"""A window: served rows of one version, in order of time, with what the tests look at."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue


@dataclass(frozen=True, eq=False)
class Window:
    """Rows that were served by one version with one encoder."""

    version: str
    encoder: str
    ids: tuple[str, ...]
    times: tuple[datetime, ...]
    texts: tuple[str, ...]
    answers: tuple[JsonValue, ...]
    labels: tuple[tuple[str, ...], ...]  # the distinct labels of each answer
    confidence: NDArray[np.float64]  # NaN where a damaged model said so
    margin: NDArray[np.float64]
    embeddings: NDArray[np.float32]  # (n_rows, n_dimensions), finite

    @property
    def n_rows(self) -> int:
        return len(self.ids)

    def pick(self, rows: Sequence[int]) -> "Window":
        """Return a window of these rows, in this order."""
        which = np.array(rows, dtype=np.intp)
        return replace(
            self,
            ids=tuple(self.ids[row] for row in rows),
            times=tuple(self.times[row] for row in rows),
            texts=tuple(self.texts[row] for row in rows),
            answers=tuple(self.answers[row] for row in rows),
            labels=tuple(self.labels[row] for row in rows),
            confidence=self.confidence[which],
            margin=self.margin[which],
            embeddings=self.embeddings[which],
        )

    def join(self, later: "Window") -> "Window":
        """Return this window's rows and then the later one's."""
        return replace(
            later,
            ids=self.ids + later.ids,
            times=self.times + later.times,
            texts=self.texts + later.texts,
            answers=self.answers + later.answers,
            labels=self.labels + later.labels,
            confidence=np.concatenate([self.confidence, later.confidence]),
            margin=np.concatenate([self.margin, later.margin]),
            embeddings=np.concatenate([self.embeddings, later.embeddings]),
        )


def name_window(reference: Window, current: Window) -> str:
    """Return the name of a comparison: the same rows always get the same one, and later ones sort later."""
    parts = (current.version, *reference.ids, "against", *current.ids)
    digest = hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()
    return f"{current.times[-1]:%Y%m%dT%H%M%SZ}-{digest[:12]}"
