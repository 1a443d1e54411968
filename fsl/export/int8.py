"""int8 that is proven: recipes are measured against fp32 on unlabelled texts before one may ship.

Every recipe is screened on a few texts for its speed; the quickest are then held to the limits on all of them, and the
first that keeps within ships. How a graph is rewritten is `fsl.export.quantising`'s.
"""

import logging
import math
import shutil
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from fsl.config import ExportConfig
from fsl.evaluation.scores.intervals import clopper_pearson_bound
from fsl.export.calibration import Product, calibrate
from fsl.export.parity import Said, ask_awkward, compare_bundles
from fsl.export.quantising import Recipe, quantise_encoder
from fsl.export.workers import workers
from fsl.serving.bundle import ENCODER, read_facts, write_facts
from fsl.serving.predictor import Predictor
from fsl.tokenization import Encoded

log = logging.getLogger(__name__)

# In the order in which they are preferred where they are about equally quick.
RECIPES = (
    Recipe("static scales, per channel, wide inputs not smoothed", "static", smooth_wide=False),
    Recipe("static scales, per channel", "static"),
    Recipe("static scales, per channel, four products in float", "static", n_float=4),
    Recipe("dynamic scales, per channel, wide inputs not smoothed", "dynamic", smooth_wide=False),
    Recipe("dynamic scales, per channel", "dynamic"),
    Recipe("dynamic scales, per tensor", "dynamic", per_channel=False),
    Recipe("embedding tables alone", "none"),
)
HALF = (Recipe("half precision", "half"),)
_N_CALIBRATION = 128
_N_TIMED = 48
_TOGETHER = 8  # of a stream, while recipes are timed
_N_BATCHED = 1000  # texts on which batchings are compared
_BATCH = 32
_CHUNK = 128
_AS_QUICK = 1.15  # times of fewer runs than this apart are noise


@dataclass(frozen=True)
class Trial:
    """How far one recipe is from fp32."""

    recipe: str
    n_texts: int
    n_changed: int
    upper_bound: float  # of the share of changed answers, 95%, Clopper-Pearson
    size_bytes: int
    ms_per_text: float = 0.0  # one text at a time, one thread, median
    ms_in_stream: float = 0.0  # many texts, together where their answers cannot depend on it, one thread
    self_disagreement: float = 0.0  # share of texts that another batching answers otherwise
    edge_error: float = 0.0  # largest difference of probabilities on awkward texts
    batched: bool = False  # texts may run together; else each runs alone, and has no batch-mates
    refused: str = ""  # why it does not ship

    @property
    def cost(self) -> float:
        """How slow it is: milliseconds a text, for those that come alone and those that come in a stream alike."""
        return math.sqrt(self.ms_per_text * self.ms_in_stream)

    @property
    def disagreement(self) -> float:
        return self.n_changed / self.n_texts if self.n_texts else 0.0

    def to_json(self) -> dict[str, JsonValue]:
        return dict(asdict(self))


@dataclass(frozen=True)
class _Candidate:
    recipe: Recipe
    folder: Path
    trial: Trial


def choose_recipe(
    fp32_answers: Sequence[JsonValue],
    bundle: Path,
    texts: Sequence[str],
    config: ExportConfig,
    *,
    recipes: Sequence[Recipe] = RECIPES,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[list[Trial], Trial | None]:
    """Try the recipes on a complete fp32 bundle, and leave the quickest acceptable encoder in it.

    Args:
        fp32_answers: what the bundle says of each text.
        bundle: left as it is when no recipe is acceptable.
        texts: unlabelled texts, never judge rows. The first eighth of them, 128 at most, is calibrated on and not
            measured.

    Returns:
        Every trial made, the one that ships last, and the one that ships, or None.
    """
    started = clock()
    fp32 = Predictor.load(bundle, n_threads=1)
    encoded = fp32.read(texts)
    n_calibration = min(_N_CALIBRATION, len(texts) // 8)
    products: tuple[Product, ...] = ()
    if not all(recipe.is_half for recipe in recipes):
        products = calibrate(bundle / ENCODER, list(_batches(fp32, encoded[:n_calibration] or encoded)))
    measured, answers = encoded[n_calibration:], fp32_answers[n_calibration:]
    said = ask_awkward(fp32, texts)
    scratch = bundle.parent / "recipes"

    def attempt(number: int) -> _Candidate | None:
        if number and clock() - started > config.search_seconds:
            return None
        folder = scratch / str(number)
        _make_bundle(bundle, folder, recipes[number], products)
        return _screen(recipes[number], folder, said, config)

    with workers() as pool:
        candidates = [one for one in pool.map(attempt, range(len(recipes))) if one is not None]
    if len(candidates) < len(recipes):
        n_left = len(recipes) - len(candidates)
        log.info("int8: %d recipes were not tried within %g s", n_left, config.search_seconds)
    candidates = _timed(candidates, measured[:_N_TIMED])
    trials: list[Trial] = []
    chosen: tuple[_Candidate, Trial] | None = None
    for one in _quickest_first(candidates):
        trial = one.trial
        if chosen is None and not trial.refused:
            trial = _measure(one, measured, answers, config)
            if not trial.refused:
                chosen = one, trial
        trials.append(trial)
    if chosen is None:
        return trials, None
    one, trial = chosen
    shutil.copyfile(one.folder / ENCODER, bundle / ENCODER)
    shutil.rmtree(scratch)
    return [*(other for other in trials if other is not trial), trial], trial


def _make_bundle(bundle: Path, folder: Path, recipe: Recipe, products: Sequence[Product]) -> None:
    shutil.copytree(bundle, folder, ignore=shutil.ignore_patterns(ENCODER))
    quantise_encoder(bundle / ENCODER, folder / ENCODER, recipe, products)
    write_facts(folder, replace(read_facts(folder), precision="float16" if recipe.is_half else "int8"))


def _batches(predictor: Predictor, encoded: Sequence[Encoded]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    ordered = sorted(encoded, key=len)
    for start in range(0, len(ordered), _BATCH):
        yield predictor.reader.pad(ordered[start : start + _BATCH])


def _screen(recipe: Recipe, folder: Path, fp32: Said, config: ExportConfig) -> _Candidate:
    """Look at a recipe's answers to awkward texts."""
    edge = compare_bundles(fp32, Predictor.load(folder, n_threads=1)).probability_error
    trial = Trial(recipe.name, 0, 0, 1.0, (folder / ENCODER).stat().st_size, edge_error=edge)
    if not edge <= config.max_int8_error:
        trial = replace(trial, refused=f"an awkward text's probability is {edge:.2f} off, export.max_int8_error")
    return _Candidate(recipe, folder, trial)


def _timed(candidates: Sequence[_Candidate], sample: Sequence[Encoded]) -> list[_Candidate]:
    """Time the recipes in turns, one text at a time and in a stream, so that a busy moment strikes them all."""
    predictors = [Predictor.load(one.folder, n_threads=1) for one in candidates]
    alone: list[list[float]] = [[] for _ in candidates]
    stream: list[list[float]] = [[] for _ in candidates]
    by_length = sorted(sample, key=len)
    for one in sample:
        for own, predictor in zip(alone, predictors, strict=True):
            own.append(_ms(predictor, [one]))
    for start in range(0, len(by_length), _TOGETHER):
        batch = by_length[start : start + _TOGETHER]
        for own, predictor, candidate in zip(stream, predictors, candidates, strict=True):
            batches = [batch] if candidate.recipe.scales != "dynamic" else [[one] for one in batch]
            own.append(sum(_ms(predictor, own_batch) for own_batch in batches))
    return [
        replace(
            one,
            trial=replace(
                one.trial, ms_per_text=statistics.median(single or [0.0]), ms_in_stream=sum(many) / max(1, len(sample))
            ),
        )
        for one, single, many in zip(candidates, alone, stream, strict=True)
    ]


def _ms(predictor: Predictor, batch: Sequence[Encoded]) -> float:
    began = time.perf_counter()
    predictor.probabilities(batch)
    return 1000 * (time.perf_counter() - began)


def _quickest_first(candidates: Sequence[_Candidate]) -> list[_Candidate]:
    """Order by speed; of those about as quick as the quickest left, the one that is preferred comes first."""
    left, ordered = list(candidates), []
    while left:
        limit = _AS_QUICK * min(one.trial.cost for one in left)
        ordered.append(next(one for one in left if one.trial.cost <= limit))
        left.remove(ordered[-1])
    return ordered


def _measure(
    one: _Candidate, measured: Sequence[Encoded], fp32_answers: Sequence[JsonValue], config: ExportConfig
) -> Trial:
    """Hold a recipe's answers against fp32's, and against its own in other batches."""
    predictor = Predictor.load(one.folder, n_threads=1)
    alone: list[JsonValue] = []
    n_changed = 0
    for start in range(0, len(measured), _CHUNK):
        alone += _answers(predictor, measured[start : start + _CHUNK], 1)
        n_changed = sum(ours != theirs for ours, theirs in zip(alone, fp32_answers, strict=False))
        if clopper_pearson_bound(n_changed, len(measured)) > config.max_disagreement:  # whatever the others say
            break
    n_texts = len(alone)
    bound = clopper_pearson_bound(n_changed, n_texts)
    trial = replace(one.trial, n_texts=n_texts, n_changed=n_changed, upper_bound=bound)
    if trial.upper_bound > config.max_disagreement:
        return _logged(replace(trial, refused=f"the bound on changed answers is over {config.max_disagreement:.1%}"))
    others, n_batched = _in_batches(predictor, measured[:_N_BATCHED]), min(_N_BATCHED, n_texts)
    apart = [row for row in range(n_batched) if any(other[row] != alone[row] for other in others)]
    share = len(apart) / n_batched if n_batched else 0.0
    # Served in batches, a text may get either answer: both are held against fp32's.
    either = n_changed + sum(alone[row] == fp32_answers[row] for row in apart)
    bound = clopper_pearson_bound(either, n_texts)
    batched = share <= config.max_self_disagreement and bound <= config.max_disagreement
    if batched:
        write_facts(one.folder, replace(read_facts(one.folder), batched=True))
        trial = replace(trial, n_changed=either, upper_bound=bound)
    return _logged(replace(trial, self_disagreement=share, batched=batched))


def _in_batches(predictor: Predictor, measured: Sequence[Encoded]) -> tuple[list[JsonValue], list[JsonValue]]:
    """Return the answers in batches of texts of a length, and in batches as chance has it."""
    by_length = np.argsort([len(one) for one in measured], kind="stable")
    shuffled = np.random.default_rng(0).permutation(len(measured))
    return _answers(predictor, measured, _BATCH, by_length), _answers(predictor, measured, _BATCH, shuffled)


def _answers(
    predictor: Predictor, encoded: Sequence[Encoded], batch_size: int, order: NDArray[np.int64] | None = None
) -> list[JsonValue]:
    rows = list(range(len(encoded))) if order is None else [int(row) for row in order]
    batches = [rows[start : start + batch_size] for start in range(0, len(rows), batch_size)]

    def answer(batch: list[int]) -> list[JsonValue]:
        found = predictor.predict_in([encoded[row] for row in batch], [range(len(batch))])
        return [prediction.answer.target for prediction in found]

    with workers() as pool:
        answers = [one for batch in pool.map(answer, batches) for one in batch]
    by_row = dict(zip(rows, answers, strict=True))
    return [by_row[row] for row in range(len(encoded))]


def _logged(trial: Trial) -> Trial:
    log.info(
        "int8 %s: %d of %d answers changed, %.2f ms a text, %.2f in a stream%s",
        trial.recipe,
        trial.n_changed,
        trial.n_texts,
        trial.ms_per_text,
        trial.ms_in_stream,
        f"; refused: {trial.refused}" if trial.refused else "",
    )
    return trial
