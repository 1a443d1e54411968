"""Asking a bundle what judge rows do not tell: changed texts, checks of behaviour, slices, texts that no label fits.

Everything is asked through the server's predictor, one text at a time, in a fixed order. The number of texts is
bounded by the config, so that an examination takes seconds.
"""

from collections.abc import Sequence
from pathlib import Path

from fsl.config import GateConfig
from fsl.evaluation.examination.behaviour import check_behaviour
from fsl.evaluation.examination.memory import measure_peak_memory
from fsl.evaluation.examination.record import Examination
from fsl.evaluation.examination.robustness import measure_robustness
from fsl.evaluation.examination.slices import measure_slice
from fsl.evaluation.scores.records import ScoreSheet
from fsl.samples import Sample
from fsl.serving.predictor import Predictor


def examine_bundle(
    predictor: Predictor, folder: Path, samples: Sequence[Sample], sheet: ScoreSheet, gate: GateConfig
) -> Examination:
    """Return what was found of a bundle beyond the sheet of its answers to the samples."""
    by_id = {sample.row_id: sample for sample in samples}
    outside = [predictor.predict([text])[0] for text in gate.out_of_scope]
    n_texts = gate.robustness_texts
    return Examination(
        robustness=measure_robustness(predictor, samples, sheet.rows, n_texts=n_texts),
        behaviour=tuple(check_behaviour(predictor, check) for check in gate.behaviour),
        slices=tuple(measure_slice(predictor, one, by_id, sheet.rows, n_texts=n_texts) for one in gate.slices),
        out_of_scope=tuple(one.answer.confidence for one in outside),
        scopes=tuple(one.scope for one in outside if one.scope is not None),
        n_answered=sum(one.abstained is None for one in outside),
        peak_memory_bytes=measure_peak_memory(folder, [sample.text for sample in samples]),
    )
