"""Signatures agree in about the share in which character sequences do, and never change."""

import hashlib
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsl.data.minhash import N_HASHES, SHINGLE_CHARS, build_signatures, estimate_similarity


def jaccard(one: str, other: str) -> float:
    """Return the share of common runs of characters, by sets."""
    runs = [
        {f" {text} "[at : at + SHINGLE_CHARS] for at in range(len(f" {text} ") - SHINGLE_CHARS + 1)}
        for text in (one, other)
    ]
    return len(runs[0] & runs[1]) / len(runs[0] | runs[1])


def test_the_estimate_is_the_share_of_common_runs_within_its_error() -> None:
    text = "i am still waiting for the card that you sent to my old address in may"
    others = [text[:cut] + text[cut + 9 :] for cut in range(len(text) - 9)]

    found = estimate_similarity(build_signatures([text] * len(others)), build_signatures(others))

    true = np.array([jaccard(text, other) for other in others])
    errors = np.sqrt(true * (1 - true) / N_HASHES)
    assert np.abs(found - true).max() < 4.5 * errors.max()
    assert abs((found - true).mean()) < errors.max()


def test_texts_with_nothing_in_common_agree_by_chance_alone() -> None:
    texts = [hashlib.blake2b(str(index).encode()).hexdigest() for index in range(200)]
    signatures = build_signatures(texts)

    found = estimate_similarity(signatures[:-1], signatures[1:])

    assert abs(found.mean()) < 3 * math.sqrt(1 / 256 / N_HASHES / 199)


@settings(max_examples=50, deadline=None)
@given(texts=st.lists(st.text(max_size=30), min_size=1, max_size=8), alone=st.integers(0, 7))
def test_a_signature_does_not_depend_on_the_texts_around_it(texts: list[str], alone: int) -> None:
    alone %= len(texts)

    assert (build_signatures(texts)[alone] == build_signatures([texts[alone]])[0]).all()


@pytest.mark.parametrize("text", ["", "a", "卡", "🙂", "\ud800", "x" * 1_000_000], ids=repr)
def test_short_strange_and_long_texts_have_signatures(text: str) -> None:
    text = text[:1_000_000]

    assert build_signatures([text, "between", text]).shape == (3, N_HASHES)


def test_the_signature_of_a_text_never_changes() -> None:
    signature = build_signatures(["where is my card", "我的卡在哪里"])

    # Worked out when signatures were first stored; others would not be comparable with those.
    assert hashlib.sha256(signature.tobytes()).hexdigest()[:16] == "50b76520301265d7"
