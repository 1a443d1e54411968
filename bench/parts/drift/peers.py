"""What others would have said of the same windows: plain MMD at 5% a window, and Evidently's preset for data drift."""

import os
from typing import Any

import numpy as np

from bench.parts.drift.streams import Rows, Stream
from fsl.drift.detectors.forms import texts_form
from fsl.drift.detectors.joint import judge_together

PEER_LEVEL = 0.05


def mmd_alarms(stream: Stream, window: Rows, seed: int) -> bool:
    """Return whether plain MMD says that the window changed, at 5% by itself."""
    rows = np.concatenate([stream.reference, window])
    (found,) = judge_together(
        (texts_form(stream.population.traits.embeddings[rows]),),
        len(stream.reference),
        np.zeros(len(rows), dtype=np.intp),
        level=PEER_LEVEL,
        n_shuffles=199,
        generator=np.random.default_rng(seed),
    )
    return found.p_value <= PEER_LEVEL


def evidently_alarms(stream: Stream, window: Rows) -> bool:
    """Return whether the preset, left at its defaults, calls any column drifted."""
    os.environ.setdefault("DO_NOT_TRACK", "1")
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    definition = DataDefinition(
        numerical_columns=["confidence", "margin", "characters"], categorical_columns=["answer"]
    )
    before, now = (Dataset.from_pandas(_table(stream, rows), definition) for rows in (stream.reference, window))
    run = Report([DataDriftPreset()], include_tests=True).run(now, before)
    return any("drift" in str(one["name"]).lower() and one["status"].value == "FAIL" for one in run.dict()["tests"])


def _table(stream: Stream, rows: Rows) -> Any:
    import pandas as pd

    traits = stream.population.traits
    return pd.DataFrame(
        {
            "confidence": traits.confidence[rows],
            "margin": traits.margin[rows],
            "characters": traits.length[rows],
            "answer": [traits.answers[row][0] for row in rows],
        }
    )
