"""Distillation by itself: half the layers against their teacher, train time beside SetFit, and growth with the data.

Cells can be measured apart: `FSL_BENCH_CELLS=half-0`, `memory`, `time`, `classes`, `pool`. The last three are timed and
want a machine of their own.
"""

from collections.abc import Callable

from bench.cells import Facts, chosen_begins, digest_of, find_cell
from bench.parts.distill.growth import measure_classes, measure_memory, measure_pool
from bench.parts.distill.half import half_recipe, measure_half
from bench.parts.distill.tables import write_section
from bench.parts.distill.train_time import candidate_recipe, measure_candidate, measure_setfit
from bench.parts.public_data import data_folder, not_measured
from bench.parts.students.draws import data_digest

N_DRAWS = 5
CLASSES = (10, 40, 80, 150)
POOLS = (1_000, 3_000, 10_000, 30_000, 100_000)
SETFIT_STEPS = 300


def run(*, quick: bool) -> str:
    """Measure what is missing, and return the section of docs/benchmarks.md."""
    if not (data_folder() / "banking77").is_dir():
        return not_measured("Distillation", data_folder() / "banking77")
    if quick:
        return write_section(
            {
                "half-0": measure_half(0, n_labels=4, most=60),
                "time-fsl": measure_candidate(n_labels=4, most=60, n_pool=40),
                "classes-3": measure_classes(3, n_rows=3),
                "pool-200": measure_pool(200),
                "memory-200": measure_memory(200),
            },
            (3,),
            (200,),
        )
    plan: dict[str, tuple[Callable[[], Facts], Facts]] = {}
    for draw in range(N_DRAWS):
        plan[f"half-{draw}"] = (lambda draw=draw: measure_half(draw)), _of("banking77", half_recipe())  # type: ignore[misc]
    plan["time-fsl"] = measure_candidate, _of("banking77", candidate_recipe())
    plan["time-setfit"] = (lambda: measure_setfit(SETFIT_STEPS)), _of("banking77", SETFIT_STEPS)
    for n in CLASSES:
        plan[f"classes-{n}"] = (lambda n=n: measure_classes(n)), _of("clinc150", n)  # type: ignore[misc]
    for n in POOLS:
        plan[f"pool-{n}"] = (lambda n=n: measure_pool(n)), _of("banking77", n)  # type: ignore[misc]
        plan[f"memory-{n}"] = (lambda n=n: measure_memory(n)), _of("banking77", n)  # type: ignore[misc]
    begins, found = chosen_begins(), dict[str, Facts]()
    for name, (measure, of) in plan.items():
        facts = find_cell("distill", name, measure, of=of, begins=begins)
        if facts is not None:
            found[name] = facts
    return write_section(found, CLASSES, POOLS)


def _of(data: str, config: object) -> Facts:
    from fsl.config import LearningConfig
    from fsl.runs.steps import STEP_VERSIONS

    said = config.model_dump(mode="json", exclude_defaults=True) if isinstance(config, LearningConfig) else config
    return {"recipe": digest_of(said), "data": data_digest(data), "steps": dict(STEP_VERSIONS)}
