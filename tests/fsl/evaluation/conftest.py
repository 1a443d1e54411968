"""Score sheets made by hand: so many wins, losses and ties."""

from collections.abc import Callable, Sequence

import pytest
from pydantic import JsonValue

from fsl.evaluation.scores.records import RowScore, ScoreSheet

Pair = tuple[ScoreSheet, ScoreSheet]
LABELS = ("balance", "refund")


def build_sheet(
    version: str,
    answers: Sequence[tuple[JsonValue, JsonValue]],
    *,
    labels: Sequence[str] = LABELS,
    confidence: float = 0.9,
    latency_p95_ms: float = 12.0,
) -> ScoreSheet:
    """Return a sheet of (truth, answer) pairs, rows named by their place."""
    rows = tuple(
        RowScore(f"row-{index:05d}", truth, answer, confidence, truth == answer)
        for index, (truth, answer) in enumerate(answers)
    )
    return ScoreSheet(version, tuple(labels), rows, 4.0, latency_p95_ms, 23_000_000)


def build_pair(
    *, wins: int, losses: int, ties: int, ties_wrong: int = 0, latency_p95_ms: tuple[float, float] = (12.0, 12.0)
) -> Pair:
    """Return champion and challenger with so many rows that only one of them, both or neither gets right."""
    kinds = ["win"] * wins + ["loss"] * losses + ["tie"] * ties + ["wrong"] * ties_wrong
    truths = [LABELS[index % 2] for index in range(len(kinds))]
    other = dict(zip(LABELS, reversed(LABELS), strict=True))

    def answers(right: set[str]) -> list[tuple[JsonValue, JsonValue]]:
        return [(truth, truth if kind in right else other[truth]) for truth, kind in zip(truths, kinds, strict=True)]

    return (
        build_sheet("champion-1", answers({"loss", "tie"}), latency_p95_ms=latency_p95_ms[0]),
        build_sheet("challenger-2", answers({"win", "tie"}), latency_p95_ms=latency_p95_ms[1]),
    )


@pytest.fixture(scope="session")
def paired_predictions() -> Callable[..., Pair]:
    return build_pair


@pytest.fixture(scope="session")
def sheet() -> Callable[..., ScoreSheet]:
    return build_sheet
