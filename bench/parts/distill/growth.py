"""How the time of a candidate grows with its classes, and time and memory of soft labels with the pool."""

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from bench.cells import Facts, peak_bytes
from bench.parts.distill.half import half_recipe
from bench.parts.students.draws import draw_shots, load_set

_N_CENTRES, _N_HIDDEN, _N_LABELLED = 77, 384, 10


def measure_classes(n_classes: int, *, n_rows: int = 10) -> Facts:
    """Time one candidate of so many of CLINC150's intents, ten rows each, an epoch for teacher and for student."""
    from fsl.config import EncoderConfig
    from fsl.learning.student import distil
    from fsl.learning.teacher import adapt_teacher
    from fsl.problems import find_problem

    rows = draw_shots(load_set("clinc150", n_labels=n_classes), n_rows, 0, pool="none")
    recipe = half_recipe()
    once = {one: getattr(recipe, one).model_copy(update={"epochs": 1}) for one in ("teacher", "student")}
    config = recipe.model_copy(update={"encoder": EncoderConfig(), **once})
    problem = find_problem("classification")
    started = time.monotonic()
    soft = adapt_teacher(rows.train, [], [], problem, config, where="a draw")
    distil(rows.train, [], [], soft, problem, config)
    return {"seconds": time.monotonic() - started, "n_train": len(rows.train)}


def measure_pool(n_pool: int) -> Facts:
    """Time the soft labels of a pool from its vectors on; this wants a machine of its own."""
    return {"seconds": _in_fresh_process(n_pool)["seconds"], "n_pool": n_pool}


def measure_memory(n_pool: int) -> Facts:
    """Look at the peak of a process that makes the soft labels of a pool; others may use the machine meanwhile."""
    return {"peak_gb": _in_fresh_process(n_pool)["peak_gb"], "n_pool": n_pool}


def _in_fresh_process(n_pool: int) -> Facts:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as executor:
        return executor.submit(_spread_pool, n_pool).result()


def _spread_pool(n_pool: int) -> Facts:
    from fsl.config import PropagationConfig
    from fsl.learning.propagation import join_soft_labels
    from fsl.learning.sources import frozen_source, spread

    generator = np.random.default_rng(0)
    centres = generator.normal(size=(_N_CENTRES, _N_HIDDEN))
    targets = np.repeat(np.arange(_N_CENTRES), _N_LABELLED)
    homes = np.concatenate([targets, generator.integers(_N_CENTRES, size=n_pool)])
    vectors = np.empty((len(homes), _N_HIDDEN), np.float32)
    for start in range(0, len(homes), 4096):
        part = centres[homes[start : start + 4096]]
        noisy = part + 1.5 * generator.normal(size=part.shape)
        vectors[start : start + 4096] = noisy / np.linalg.norm(noisy, axis=1, keepdims=True)
    started = time.monotonic()
    source = frozen_source("frozen", vectors, targets, _N_CENTRES, seed=17)
    found = spread(source, targets, PropagationConfig(prior="even"), seed=17)
    joint = join_soft_labels([source.probabilities, found.probabilities], [0.5, 0.5])
    seconds = time.monotonic() - started
    assert joint.shape == (len(homes), _N_CENTRES)
    return {"seconds": seconds, "peak_gb": peak_bytes() / 1e9}
