"""What tasks of one process remember between files of a project. Why it holds is `fsl.data.past`'s."""

from collections.abc import Iterator
from contextlib import contextmanager

from fsl.data.past import MAX_REMEMBERED, Past
from fsl.project import Project

_KEPT: dict[str, Past] = {}  # of one project: the last that took a file in


@contextmanager
def past_of(project: Project) -> Iterator[Past]:
    """Lend what is remembered of a project's batches. Who comes meanwhile, or after a failure, starts anew."""
    data = project.config.data
    name = f"{project.store.where()} {project.config.problem.kind} {data.drawn_splits.model_dump_json()}"
    past = _KEPT.pop(name, None) or Past(max_remembered=MAX_REMEMBERED)
    yield past
    _KEPT.clear()
    _KEPT[name] = past
