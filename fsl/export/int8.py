"""int8 that is proven: recipes are measured against fp32 on unlabelled texts before one may ship."""

import logging
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from fsl.config import ExportConfig
from fsl.serving.bundle import ENCODER
from fsl.serving.predictor import Predictor

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recipe:
    """One way of quantising the encoder."""

    name: str
    per_channel: bool
    op_types: tuple[str, ...] | None  # None: all that onnxruntime can, embedding tables too


# Smallest first: embedding tables are most of a small encoder's bytes.
RECIPES = (
    Recipe("dynamic, per channel", per_channel=True, op_types=None),
    Recipe("dynamic, per tensor", per_channel=False, op_types=None),
    Recipe("embedding tables alone", per_channel=True, op_types=("Gather",)),
    Recipe("dynamic, per channel, embeddings in fp32", per_channel=True, op_types=("MatMul", "Gemm")),
)


@dataclass(frozen=True)
class Trial:
    """How far one recipe is from fp32."""

    recipe: str
    n_texts: int
    n_changed: int
    upper_bound: float  # of the share of changed answers, 95%, Clopper-Pearson
    size_bytes: int

    @property
    def disagreement(self) -> float:
        return self.n_changed / self.n_texts if self.n_texts else 0.0


def quantise_encoder(source: Path, target: Path, recipe: Recipe) -> None:
    """Write an int8 encoder graph made from an fp32 one."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with _root_logger_unheard():
        quantize_dynamic(
            source,
            target,
            weight_type=QuantType.QInt8,
            per_channel=recipe.per_channel,
            op_types_to_quantize=list(recipe.op_types) if recipe.op_types else None,
        )


def choose_recipe(
    fp32_answers: Sequence[JsonValue], bundle: Path, texts: Sequence[str], config: ExportConfig
) -> tuple[list[Trial], Trial | None]:
    """Try the recipes on a bundle's folder, and leave the first acceptable encoder in it.

    Args:
        fp32_answers: what the fp32 bundle says of each text.
        bundle: a complete bundle marked "int8" whose `encoder.onnx` is fp32; it is left so when none is acceptable.
        texts: unlabelled texts, never judge rows.

    Returns:
        Every trial made, and the one that holds `export.max_disagreement`, or None.
    """
    fp32 = bundle.parent / "encoder-fp32.onnx"
    shutil.copyfile(bundle / ENCODER, fp32)
    trials = []
    for recipe in RECIPES:
        quantise_encoder(fp32, bundle / ENCODER, recipe)
        answers = [prediction.answer.target for prediction in Predictor.load(bundle).predict(texts)]
        n_changed = sum(before != after for before, after in zip(fp32_answers, answers, strict=True))
        bound = upper_bound(n_changed, len(texts))
        trial = Trial(recipe.name, len(texts), n_changed, bound, (bundle / ENCODER).stat().st_size)
        trials.append(trial)
        log.info("int8 %s: %d of %d answers changed", trial.recipe, trial.n_changed, trial.n_texts)
        if bound <= config.max_disagreement:
            return trials, trial
    shutil.copyfile(fp32, bundle / ENCODER)
    return trials, None


def upper_bound(n_changed: int, n_texts: int) -> float:
    """Return the one-sided upper 95% bound of a share, of which `n_changed` of `n_texts` were seen.

    Source:
        Clopper and Pearson 1934, Biometrika 26: exact, whatever the share.
    """
    from scipy.stats import beta

    return 1.0 if n_changed >= n_texts else float(beta.ppf(0.95, n_changed + 1, n_texts - n_changed))


@contextmanager
def _root_logger_unheard() -> Iterator[None]:
    """Silence onnxruntime, which sets up the root logger to advise pre-processing; that does not apply here."""
    root = logging.getLogger()
    level, nobody = root.level, logging.NullHandler()
    root.addHandler(nobody)
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.setLevel(level)
        root.removeHandler(nobody)
