"""The kinds of problem: what a sample, an answer and a score are for each. `find_problem` gives one by its name."""

from fsl.problems.base import Problem
from fsl.problems.classification import Classification
from fsl.problems.multilabel import Multilabel
from fsl.problems.tagging import Tagging

KINDS: dict[str, Problem] = {kind.kind: kind for kind in (Classification(), Multilabel(), Tagging())}


def find_problem(kind: str) -> Problem:
    """Return the problem of that kind. The config allows no other names, so a miss is a bug."""
    return KINDS[kind]
