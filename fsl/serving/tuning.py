"""How wide to run a bundle on this machine: measured once, remembered beside the cache.

Only the speed depends on it. Texts run together only where the bundle says that their answers stay the same.
"""

import hashlib
import json
import logging
import os
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from fsl.serving.bundle import BundleFacts, read_facts
from fsl.serving.predictor import Predictor
from fsl.tokenization import Encoded

log = logging.getLogger(__name__)

_BATCHES = (1, 8, 32)
_N_TEXTS = 64
_N_ROUNDS = 2
FILE = "tuning.json"


@dataclass(frozen=True)
class Tuning:
    """How a predictor runs quickest here."""

    n_threads: int
    batch_size: int


def load_tuned(folder: Path, cache: Path, *, providers: tuple[str, ...] = ("cpu",)) -> Predictor:
    """Load a bundle as it runs quickest on this machine; the first time, that is measured, which takes seconds.

    Args:
        cache: where what was measured is remembered. Where it cannot be written, it is measured again next time.
    """
    facts = read_facts(folder)
    key = machine_key(facts, providers)
    known = _read(cache / FILE)
    tuning = known.get(key)
    if tuning is None:
        tuning = measure(folder, providers=providers)
        _remember(cache / FILE, {**known, key: tuning})
        log.info("measured: %d threads and %d texts together are quickest here", tuning.n_threads, tuning.batch_size)
    predictor = Predictor.load(folder, n_threads=tuning.n_threads, providers=providers)
    predictor.batch_size = min(tuning.batch_size, predictor.batch_size)
    return predictor


def machine_key(facts: BundleFacts, providers: tuple[str, ...]) -> str:
    """Name what a measurement holds for: this processor, this encoder, this version of ONNX Runtime."""
    import onnxruntime as ort

    parts = (_processor(), _n_cores(), facts.encoder, facts.precision, facts.batched, ort.__version__, providers)
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def measure(
    folder: Path, *, providers: tuple[str, ...] = ("cpu",), clock: Callable[[], float] = time.perf_counter
) -> Tuning:
    """Time a stream of made-up short texts at every width, in turns, and return the quickest."""
    widths = sorted({1, _n_cores()})
    predictors = {n: Predictor.load(folder, n_threads=n, providers=providers) for n in widths}
    largest = next(iter(predictors.values())).batch_size
    texts = _texts()
    best: dict[Tuning, float] = {}
    for _ in range(_N_ROUNDS):
        for n, predictor in predictors.items():
            for size in (size for size in _BATCHES if size <= largest):
                started = clock()
                for start in range(0, len(texts), size):
                    predictor.probabilities(texts[start : start + size])
                taken = clock() - started
                best[Tuning(n, size)] = min(taken, best.get(Tuning(n, size), taken))
    return min(best, key=lambda tuning: (best[tuning], tuning.n_threads, tuning.batch_size))


def _texts() -> list[Encoded]:
    generator = np.random.default_rng(0)
    lengths = sorted(int(length) for length in generator.integers(6, 24, _N_TEXTS))
    return [Encoded([1] * length, ((0, length),), (0,)) for length in lengths]


def _n_cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "CPU part")))
    except (OSError, StopIteration, UnicodeDecodeError):
        return platform.processor() or platform.machine()


def _read(path: Path) -> dict[str, Tuning]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        found = {str(key): Tuning(int(one["n_threads"]), int(one["batch_size"])) for key, one in values.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}
    return {key: one for key, one in found.items() if one.n_threads >= 1 and one.batch_size >= 1}


def _remember(path: Path, tunings: Mapping[str, Tuning]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{os.getpid()}")
        part.write_text(json.dumps({key: asdict(one) for key, one in tunings.items()}, indent=1), encoding="utf-8")
        part.replace(path)
    except OSError as error:
        log.warning("%s cannot be written, so widths are measured again next time: %s", path, error.strerror)
