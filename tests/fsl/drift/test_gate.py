"""One alarm for a window: its level, early ends, hints added up, and changes that build up over two windows."""

import numpy as np
import pytest

from fsl.drift.detectors.clusters import cluster_shares, find_centres
from fsl.drift.detectors.counting import ShuffleCount, split_lots
from fsl.drift.detectors.forms import clusters_form, number_form, sureness_form, telling_form, texts_form
from fsl.drift.detectors.gate import Gate, Sizes, judge_window


def count_against(seen: float, rivals: np.ndarray, *, level: float) -> ShuffleCount:
    count = ShuffleCount(np.array([seen]), 1, level=level, n_shuffles=len(rivals))
    for size in count.lots(1000):
        count.add(rivals[count.n_done : count.n_done + size, None])
    return count


def test_lots_add_up_and_none_is_too_large() -> None:
    assert list(split_lots(1000, 300)) == [60, 200, 300, 300, 140]
    assert list(split_lots(7, 300)) == [7]


def test_a_clear_alarm_takes_half_of_the_shuffles_and_a_hopeless_one_few() -> None:
    rivals = np.linspace(0, 1, 4999)

    clear, hopeless = count_against(2.0, rivals, level=0.0005), count_against(-1.0, rivals, level=0.0005)

    assert (clear.n_done, clear.p_values()[0]) == (2500, pytest.approx(1 / 2501))
    assert (hopeless.n_done, hopeless.p_values()[0]) == (60, pytest.approx(1.0))


def test_stopping_early_leaves_the_level_as_it_is() -> None:
    generator = np.random.default_rng(0)
    level, n_windows = 0.05, 4000

    alarms = sum(
        count_against(row[0], row[1:], level=level).p_values()[0] <= level for row in generator.random((n_windows, 50))
    )

    assert 100 <= alarms <= 243  # 99.9% of Binomial(4000, 0.05), and far from nothing


def judge(rows: np.ndarray, sizes: Sizes, *, level: float = 0.01, n_shuffles: int = 499) -> Gate:
    rows = rows.astype(np.float32)
    forms = (texts_form(rows), telling_form(rows), number_form("length", rows[:, 0].astype(float), sizes.n_current))
    generator = np.random.default_rng(1)
    return judge_window(forms, sizes, level=level, n_shuffles=n_shuffles, generator=generator)


def test_windows_without_a_change_alarm_no_more_often_than_the_level_joined_or_not() -> None:
    generator = np.random.default_rng(2)
    sizes = Sizes(40, 20, 20)

    found = [judge(generator.normal(size=(80, 4)), sizes, level=0.1, n_shuffles=99) for _ in range(300)]

    assert 13 <= sum(one.together.joint_p_value <= 0.1 for one in found) <= 48  # 0.1% and 99.9% of Binomial(300, 0.1)
    assert all(one.joint_p_value >= gate.together.joint_p_value for gate in found for one in gate.forms)


def test_a_change_too_faint_for_one_window_is_found_once_it_lasts() -> None:
    generator = np.random.default_rng(3)
    rows = generator.normal(size=(400, 6))
    rows[200:] += 0.16

    alone = judge(np.delete(rows, np.s_[200:300], axis=0), Sizes(200, 0, 100))
    joined = judge(rows, Sizes(200, 100, 100))

    assert alone.together.joint_p_value > 0.01
    assert not alone.is_joined
    assert joined.together.joint_p_value <= 0.01
    assert joined.is_joined


def test_a_change_of_the_last_window_alone_is_no_joined_one() -> None:
    rows = np.random.default_rng(4).normal(size=(400, 6))
    rows[300:] += 1.0

    found = judge(rows, Sizes(200, 100, 100))

    assert found.together.joint_p_value <= 0.01
    assert not found.is_joined


def test_hints_that_prove_nothing_each_are_an_alarm_together() -> None:
    generator = np.random.default_rng(5)
    numbers = generator.normal(size=(150, 6))
    numbers[100:] += 0.42
    forms = tuple(number_form(f"number {place}", column, 50) for place, column in enumerate(numbers.T))

    found = judge_window(forms, Sizes(100, 0, 50), level=0.005, n_shuffles=999, generator=np.random.default_rng(6))

    assert found.together.joint_p_value <= 0.005
    assert all(one.joint_p_value > 0.005 for one in found.forms)


def test_clusters_do_not_know_the_order_of_the_rows() -> None:
    generator = np.random.default_rng(7)
    rows = generator.normal(size=(90, 5)).astype(np.float32)
    order = generator.permutation(90)

    shares = cluster_shares(rows)

    n_clusters = 90 // 8
    assert shares.shape == (90, 3 * n_clusters)  # clustered three times
    for start in range(0, 3 * n_clusters, n_clusters):
        np.testing.assert_allclose(shares[:, start : start + n_clusters].sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(cluster_shares(rows[order]), shares[order], atol=1e-3)


def test_clusterings_differ_by_where_they_begin() -> None:
    rows = np.random.default_rng(7).normal(size=(200, 5)).astype(np.float32)

    first, second = (find_centres(rows, 8, start) for start in (1, 2))

    assert np.abs(first[:, None] - second[None]).sum(axis=2).min(axis=1).max() > 0.1


def test_a_window_far_from_an_alarm_ends_after_sixty_shuffles() -> None:
    rows = np.random.default_rng(12).normal(size=(200, 5))

    found = judge(rows, Sizes(150, 0, 50))

    assert found.together.p_value > 0.15
    assert found.together.p_value * 61 == pytest.approx(round(found.together.p_value * 61))


def test_a_new_clump_of_texts_fills_a_cluster() -> None:
    rows = np.random.default_rng(8).normal(size=(240, 8)).astype(np.float32)
    rows[230:] = rows[230] + 0.05 * rows[230:]  # ten of forty current texts say nearly the same

    form = clusters_form(rows, 40)
    gate = judge_window((form,), Sizes(200, 0, 40), level=0.01, n_shuffles=499, generator=np.random.default_rng(9))

    assert gate.forms[0].joint_p_value <= 0.01


def test_a_version_less_sure_of_texts_alike_stands_out_beside_what_the_texts_foretell() -> None:
    generator = np.random.default_rng(10)
    rows = generator.normal(size=(200, 3)).astype(np.float32)
    confidence = rows[:, 0] + 0.2 * generator.normal(size=200)
    confidence[150:] -= 0.4

    forms = number_form("confidence", confidence, 50), sureness_form(confidence, rows, 50)

    plain, given = (abs(float(form.columns[150:].sum())) for form in forms)  # in standard deviations of shuffles
    assert given > plain + 1
    assert given > 3.5
