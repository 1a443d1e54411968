"""What a fit reads: one lesson for each text, and batches of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fsl.learning.encoders import to_tensors
from fsl.learning.losses.distillation import UNLABELLED
from fsl.tokenization import Encoded, TextReader


@dataclass(frozen=True)
class Lesson:
    """One text to learn from."""

    encoded: Encoded
    targets: NDArray[np.int64] | None  # (n_units,) or (n_units, n_outputs), or None when unlabelled
    soft_labels: NDArray[np.float32] | None  # (n_units, n_outputs), or None when no teacher has spoken
    champion: NDArray[np.float32] | None = None  # (n_units, n_outputs), as `champion_loss` takes it
    view: NDArray[np.float16] | None = None  # (n_tokens, n_parts, hidden), the teacher's insides (`views`)

    def __len__(self) -> int:
        return len(self.encoded)

    @property
    def n_shown(self) -> int:
        """How many units the first window shows, which gradients see alone."""
        return len(self.encoded.positions)


class Lessons(torch.utils.data.Dataset[dict[str, Any]]):  # type: ignore[misc]
    """Lessons as the Trainer wants them."""

    def __init__(self, lessons: Sequence[Lesson]) -> None:
        self.lessons = lessons

    def __len__(self) -> int:
        return len(self.lessons)

    def __getitem__(self, index: int) -> dict[str, Any]:
        # The sampler groups by the length of "input_ids".
        return {"lesson": self.lessons[index], "input_ids": self.lessons[index].encoded.ids}


def collate(lessons: Sequence[Lesson], reader: TextReader) -> dict[str, Tensor]:
    """Return a batch of the texts' first windows, with what is known of the units that those show."""
    batch = to_tensors(reader, [lesson.encoded for lesson in lessons])
    shape = next((lesson.targets.shape[1:] for lesson in lessons if lesson.targets is not None), ())
    batch["targets"] = torch.from_numpy(
        np.concatenate(
            [
                np.full((one.n_shown, *shape), UNLABELLED) if one.targets is None else one.targets[: one.n_shown]
                for one in lessons
            ]
        ).astype(np.int64)
    )
    width = next((lesson.soft_labels.shape[1] for lesson in lessons if lesson.soft_labels is not None), 0)
    if width:
        batch["soft_labels"] = torch.from_numpy(
            np.concatenate(
                [
                    np.zeros((one.n_shown, width)) if one.soft_labels is None else one.soft_labels[: one.n_shown]
                    for one in lessons
                ]
            ).astype(np.float32)
        )
    _add_champion(batch, lessons)
    _add_views(batch, lessons)
    return batch


def _add_champion(batch: dict[str, Tensor], lessons: Sequence[Lesson]) -> None:
    width = next((lesson.champion.shape[1] for lesson in lessons if lesson.champion is not None), 0)
    if width:
        said = [
            np.zeros((one.n_shown, width), np.float32) if one.champion is None else one.champion[: one.n_shown]
            for one in lessons
        ]
        batch["champion"] = torch.from_numpy(np.concatenate(said).astype(np.float32))


def _add_views(batch: dict[str, Tensor], lessons: Sequence[Lesson]) -> None:
    """Add `views`, (batch, length, n_parts, hidden), and `viewed`, (batch, length), 1 where there is a view."""
    shape = next((lesson.view.shape[1:] for lesson in lessons if lesson.view is not None), None)
    if shape is None:
        return
    views = np.zeros((*batch["input_ids"].shape, *shape), np.float32)
    viewed = np.zeros(batch["input_ids"].shape, np.int64)
    for row, lesson in enumerate(lessons):
        if lesson.view is not None:
            views[row, : len(lesson.view)] = lesson.view
            viewed[row, : len(lesson.view)] = 1
    batch["views"], batch["viewed"] = torch.from_numpy(views), torch.from_numpy(viewed)
