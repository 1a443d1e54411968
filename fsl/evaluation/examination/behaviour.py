"""Checks of behaviour that a project writes down: texts that must get one label, or one answer.

Source: Ribeiro et al. 2020, arXiv:2005.04118 (CheckList's minimum functionality and invariance tests).
"""

from collections.abc import Iterator, Sequence

from fsl.config import BehaviourConfig
from fsl.evaluation.examination.record import BehaviourResult
from fsl.evaluation.report.shown import describe_answer, shortened
from fsl.serving.predictor import Predictor

_MAX_EXAMPLES = 5


def check_behaviour(predictor: Predictor, check: BehaviourConfig) -> BehaviourResult:
    """Ask about every text of a check, one at a time, and count the cases that fail."""
    failures: list[str] = []
    n_cases = 0
    for texts in _cases(check):
        n_cases += 1
        fault = _fault(predictor, texts, check.expect)
        if fault:
            failures.append(fault)
    return BehaviourResult(check.name, check.expect, n_cases, len(failures), tuple(failures[:_MAX_EXAMPLES]))


def _cases(check: BehaviourConfig) -> Iterator[Sequence[str]]:
    yield from check.pairs
    if check.expect == "same":
        if check.texts:
            yield check.texts
    else:
        yield from ((text,) for text in check.texts)


def _fault(predictor: Predictor, texts: Sequence[str], expect: str) -> str | None:
    """Return what is wrong with the answers of one case, in words, or None.

    For spans, texts have the same answer where the labels are the same, in order: what they cover differs.
    """
    answers = [predictor.predict([text])[0].answer.target for text in texts]
    for text, answer in zip(texts, answers, strict=True):
        words = f"“{shortened(text)}” got {describe_answer(answer, text)}"
        if expect != "same":
            return None if expect in predictor.problem.labels_in(answer) else words
        if _labels(answer) != _labels(answers[0]):
            return f"{words}, but “{shortened(texts[0])}” got {describe_answer(answers[0], texts[0])}"
    return None


def _labels(answer: object) -> object:
    return [span[2] for span in answer] if isinstance(answer, list) else answer
