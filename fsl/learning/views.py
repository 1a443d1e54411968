"""Views: what goes on inside the teacher as it reads a text, written down once for all epochs of a student's fit.

They lie in a scratch file, two bytes a number. Each costs as much as the teacher's one pass over its text. The losses
that compare are in `matching`.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from fsl.config import LearningConfig
from fsl.learning.encoders import Encoder, to_tensors
from fsl.learning.inside import layers_of, recorded
from fsl.learning.losses.matching import map_layers
from fsl.learning.training.fit import pick_device, wants_bfloat16
from fsl.tokenization import TextReader

log = logging.getLogger(__name__)

View = NDArray[np.float16]  # (n_tokens, n_parts, hidden): the states of layers, then queries, keys and values
_AT_ONCE = 64
_MOST = float(np.finfo(np.float16).max)


def wants_views(config: LearningConfig) -> bool:
    """Say whether a student is to learn from more than its teacher's answers."""
    return config.distillation.weight_hidden > 0 or config.distillation.weight_relations > 0


def look_inside(
    teacher: Encoder,
    texts: Sequence[str],
    reader: TextReader,
    file: Path,
    *,
    n_student_layers: int,
    config: LearningConfig,
) -> list[View | None]:
    """Return a view of each text, or None where the two encoders cut it into other tokens, or the room is used up.

    Args:
        reader: the student's.
        file: is written; the views are read from it, so it must stay as long as they are used.
    """
    distillation = config.distillation
    own = teacher.reader(teacher.network.unit)
    encoded = own.read(texts)
    n_layers = len(layers_of(teacher.network.backbone))
    layers = map_layers(n_student_layers, n_layers) if distillation.weight_hidden > 0 else ()
    relations = distillation.weight_relations > 0
    n_parts, hidden = len(layers) + 3 * relations, teacher.network.hidden_size
    room = distillation.max_views_mb * 1_000_000 // (2 * n_parts * hidden)
    rows, starts, n_tokens = list[int](), list[int](), 0
    for row, (ours, theirs) in enumerate(zip(reader.token_spans(texts), own.token_spans(texts), strict=True)):
        if ours == theirs and ours and n_tokens + len(ours) <= room:
            rows.append(row)
            starts.append(n_tokens)
            n_tokens += len(ours)
    log.info("views: of %d of %d texts, %.0f MB", len(rows), len(texts), 2e-6 * n_tokens * n_parts * hidden)
    views: list[View | None] = [None] * len(texts)
    if not rows:
        return views
    written = np.memmap(file, np.float16, "w+", shape=(n_tokens, n_parts, hidden))
    for row, start in zip(rows, starts, strict=True):
        views[row] = written[start : start + len(encoded[row])]
    device = pick_device(config)
    network = teacher.network.eval().to(device)
    quick = wants_bfloat16(config, on_cpu=device == "cpu")
    order = sorted(rows, key=lambda row: len(encoded[row]))
    with (
        torch.inference_mode(),
        torch.autocast(device, torch.bfloat16, enabled=quick),
        recorded(network.backbone, layers, relations=relations) as seen,
    ):
        for first in range(0, len(order), _AT_ONCE):
            part = order[first : first + _AT_ONCE]
            batch = to_tensors(own, [encoded[row] for row in part])
            network.vectors(**{key: value.to(device) for key, value in batch.items()})
            found = seen.stacked(layers, relations=relations).float().clamp(-_MOST, _MOST).cpu().numpy()
            for place, row in enumerate(part):
                view = views[row]
                assert view is not None
                view[:] = found[place, : len(view)]
    network.cpu()
    return views
