"""What tests of verdicts share: the gate asked about two models that give one label each."""

from typing import Any

from fsl.config import GateConfig
from fsl.evaluation.ruling.gate import judge
from fsl.evaluation.ruling.verdict import Verdict
from fsl.evaluation.scores.records import ScoreSheet
from fsl.problems import find_problem

CLASSIFICATION = find_problem("classification")


def judge_pair(pair: tuple[ScoreSheet, ScoreSheet], **config: Any) -> Verdict:
    return judge(*pair, CLASSIFICATION, GateConfig(**config))
