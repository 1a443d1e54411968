"""Scoring the artefact that would be served: one row at a time, in order of row ids, through the server's predictor."""

import time
from collections.abc import Sequence

import numpy as np

from fsl.evaluation.records import RowScore, ScoreSheet
from fsl.samples import Sample
from fsl.serving.predictor import Predictor


def score_predictor(predictor: Predictor, samples: Sequence[Sample], *, version: str, size_bytes: int) -> ScoreSheet:
    """Return what a bundle answers to each labelled sample, with its latency for one text at a time."""
    rows, milliseconds = [], []
    for sample in sorted(samples, key=lambda sample: sample.row_id):
        started = time.perf_counter()
        answer = predictor.predict([sample.text])[0].answer
        milliseconds.append(1000.0 * (time.perf_counter() - started))
        correct = predictor.problem.is_correct(sample.target, answer.target)
        rows.append(RowScore(sample.row_id, sample.target, answer.target, answer.confidence, correct))
    p50, p95 = np.percentile(milliseconds, [50, 95]) if milliseconds else (0.0, 0.0)
    return ScoreSheet(version, predictor.facts.labels, tuple(rows), float(p50), float(p95), size_bytes)
