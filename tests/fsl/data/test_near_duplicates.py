"""Near-duplicates are found, clusters do not depend on order, and crowds take no more than linear time."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsl.data import near_duplicates
from fsl.data.minhash import N_HASHES, Signatures, build_signatures
from fsl.data.near_duplicates import link, mark_kin, needed_agreement

NEEDED = needed_agreement(0.85)


def clusters_of(signatures: Signatures) -> set[frozenset[int]]:
    found = link(signatures, NEEDED)
    return {frozenset(np.flatnonzero(found == cluster).tolist()) for cluster in set(found.tolist())}


def test_near_duplicates_are_linked_and_other_texts_are_not() -> None:
    texts = [
        "cancel my card please i have lost it in town",
        "cancel my cards please i have lost it in town",
        "how long does a transfer to spain take",
        "cancel my card please i have lost it in towns",
        "my top up was declined twice today",
    ]

    assert clusters_of(build_signatures(texts)) == {frozenset({0, 1, 3}), frozenset({2}), frozenset({4})}


def test_at_the_highest_similarity_only_equal_texts_are_linked() -> None:
    signatures = build_signatures(["cancel my card please", "cancel my cards please", "cancel my card please"])

    assert link(signatures, needed_agreement(1.0)).tolist() == [0, 1, 0]


def signatures_of(n: int, seed: int) -> Signatures:
    """Return signatures of many degrees of likeness: each is another with some places changed."""
    generator = np.random.default_rng(seed)
    rows = [generator.integers(0, 256, N_HASHES, dtype=np.uint8)]
    for _ in range(n - 1):
        row = rows[int(generator.integers(len(rows)))].copy()
        places = generator.choice(N_HASHES, int(generator.choice([0, 4, 15, 25, 96])), replace=False)
        row[places] = generator.integers(0, 256, len(places))
        rows.append(row)
    return np.stack(rows)


@settings(max_examples=40, deadline=None)
@given(n=st.integers(1, 60), seed=st.integers(0, 10_000), shuffle=st.integers(0, 1_000))
def test_clusters_and_marks_do_not_depend_on_the_order(n: int, seed: int, shuffle: int) -> None:
    signatures = signatures_of(n, seed)
    earlier, flags = signatures[::7] ^ np.uint8(0), np.array([1, 2, 4] * n, dtype=np.uint8)[: len(signatures[::7])]
    order = np.array(random.Random(shuffle).sample(range(n), n))

    def marks_of(rows: Signatures) -> list[int]:
        clusters, marks = link(rows, NEEDED), np.zeros(len(rows), dtype=np.uint8)
        mark_kin(rows, clusters, earlier, flags, NEEDED, marks)
        return [int(mark) for mark in marks[clusters]]

    plain, shuffled = link(signatures, NEEDED), link(signatures[order], NEEDED)

    together = plain[order][:, None] == plain[order][None, :]
    assert (together == (shuffled[:, None] == shuffled[None, :])).all()
    assert [marks_of(signatures)[row] for row in order] == marks_of(signatures[order])


@settings(max_examples=40, deadline=None)
@given(n=st.integers(2, 60), seed=st.integers(0, 10_000))
def test_every_pair_that_agrees_enough_and_shares_a_band_is_linked(n: int, seed: int) -> None:
    signatures = signatures_of(n, seed)
    found = link(signatures, NEEDED)

    for one in range(n):
        for other in range(one):
            agree = signatures[one] == signatures[other]
            if agree.sum() >= NEEDED and agree.reshape(-1, near_duplicates.BAND_HASHES).all(axis=1).any():
                assert found[one] == found[other]


def test_a_crowd_that_shares_a_band_is_no_cluster_and_its_near_duplicates_are_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(near_duplicates, "MAX_COMPARED", 4)
    crowd = np.random.default_rng(1).integers(0, 256, (600, N_HASHES), dtype=np.uint8)
    crowd[:, :8] = 7  # one band in common and nothing else
    crowd[599] = crowd[0] ^ np.uint8([0] * 88 + [1] * 8)  # but for these two

    assert [set(found) for found in clusters_of(crowd) if len(found) > 1] == [{0, 599}]

    marks = np.zeros(599, dtype=np.uint8)
    mark_kin(crowd[:599], np.arange(599), crowd[599:], np.array([4], np.uint8), NEEDED, marks)
    assert np.flatnonzero(marks).tolist() == [0]


def test_no_text_at_all_is_fine() -> None:
    none = build_signatures([])

    assert link(none, NEEDED).tolist() == []
    mark_kin(none, link(none, NEEDED), none, np.zeros(0, np.uint8), NEEDED, np.zeros(0, np.uint8))
