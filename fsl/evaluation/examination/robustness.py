"""What a model makes of texts that were changed without changing what they say. The changes are `perturbations`."""

import zlib
from collections.abc import Sequence

from fsl.evaluation.examination.perturbations import PERTURBATIONS, Perturb
from fsl.evaluation.examination.record import RobustnessResult
from fsl.evaluation.jsonable import canonical_json
from fsl.evaluation.scores.records import RowScore
from fsl.samples import Sample
from fsl.serving.predictor import Predictor


def measure_robustness(
    predictor: Predictor, samples: Sequence[Sample], rows: Sequence[RowScore], *, n_texts: int, seed: int = 0
) -> tuple[RobustnessResult, ...]:
    """Ask again about the first `n_texts` judge rows, changed in each way, one text at a time.

    Row ids are digests, so the first of them are as good as drawn at random, and are the same for every version.

    Args:
        rows: the answers to the samples as they are, in order of row ids.
    """
    texts = {sample.row_id: sample.text for sample in samples}
    asked = [row for row in rows if texts.get(row.row_id)][:n_texts]
    if not asked:
        return ()
    return tuple(_measure(predictor, name, change, asked, texts, seed) for name, change in PERTURBATIONS.items())


def _measure(
    predictor: Predictor, name: str, change: Perturb, rows: Sequence[RowScore], texts: dict[str, str], seed: int
) -> RobustnessResult:
    n_texts = n_changed = n_before = n_after = 0
    for row in rows:
        changed = change(texts[row.row_id], seed + zlib.crc32(row.row_id.encode()))
        if changed.text == texts[row.row_id]:
            continue
        answer = predictor.predict([changed.text])[0].answer.target
        n_texts += 1
        n_changed += canonical_json(answer) != canonical_json(changed.move(row.answer))
        n_before += row.correct
        n_after += predictor.problem.is_correct(changed.move(row.truth), answer)
    return RobustnessResult(name, n_texts, n_changed, n_before, n_after)
