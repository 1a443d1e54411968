"""Replaying recorded traffic through the champion, as the server would have answered it."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from fsl.errors import FslError
from fsl.project import Project
from fsl.promotion.promote import load_predictor
from fsl.serving.prediction_log import log_predictions
from fsl.store.aliases import CHAMPION, current_move


@dataclass(eq=False)
class NothingServes(FslError):
    """No version was promoted yet."""

    project: str

    def __str__(self) -> str:
        return f"{self.project} has no champion yet. Drop labelled rows and retrain: fsl ingest FILE, then fsl retrain"


@dataclass(frozen=True)
class Replay:
    """What was served."""

    version: str
    n_texts: int


def read_texts(path: Path, column: str) -> list[str]:
    """Return the texts of a JSON Lines file of our own making."""
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line)[column] for line in lines if line.strip()]


def spread_over_day(n: int, day: datetime) -> list[datetime]:
    """Return n times in order, evenly over the opening hours of a day, 08:00 to 20:00."""
    return [
        day.replace(hour=8, minute=0, second=0, microsecond=0) + timedelta(hours=12) * (row / n) for row in range(n)
    ]


def replay_traffic(
    project: Project,
    texts: Sequence[str],
    times: Sequence[datetime],
    *,
    progress: Callable[[int], None] = lambda n: None,
) -> Replay:
    """Answer every text with the champion and log what was served. Raises NothingServes."""
    move = current_move(project.registry, CHAMPION)
    if move is None:
        raise NothingServes(project.name)
    predictor = load_predictor(project, move.version, move.manifest)
    predictions = []
    for start in range(0, len(texts), 32):
        predictions += predictor.predict(texts[start : start + 32])
        progress(len(predictions))
    log_predictions(project.store, texts, times, predictions, version=move.version, encoder=predictor.facts.encoder)
    return Replay(move.version, len(texts))
