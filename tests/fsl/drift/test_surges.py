"""Surges of a label: counted exactly, against a name's own history, and told with the texts that made them."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from fsl.config import SurgeConfig
from fsl.drift.surges.surges import find_surges
from fsl.drift.windows.window import Window

BuildWindow = Callable[..., Window]
CONFIG = SurgeConfig(label="negative", terms={"Acme": ("acme", "阿克米")}, window_rows=20, min_history_rows=30)


def rows(window: BuildWindow, labels: list[str], texts: list[str] | None = None) -> Window:
    made = window(1, {"x": len(labels)})
    return replace(
        made, labels=tuple((one,) for one in labels), texts=tuple(texts or [f"text {n}" for n in range(len(labels))])
    )


def test_a_surge_is_told_with_its_shares_its_exact_p_value_and_its_latest_texts(window: BuildWindow) -> None:
    served = rows(window, ["neutral"] * 76 + ["negative"] * 4 + ["negative"] * 16 + ["neutral"] * 4)

    (surge,) = find_surges(served, CONFIG)

    # 16 or more of the 20 negative rows among the latest 20 of 100: about C(20,16) C(80,4) / C(100,20).
    assert surge.p_value == pytest.approx(1.4e-11, rel=0.1)
    assert (surge.name, surge.before, surge.now) == ("all", 0.05, 0.8)
    assert surge.texts[0] == "text 95"
    assert "negative for all rose from 5% of 80 rows to 80% of the latest 20" in surge.words


def test_a_names_surge_is_seen_though_all_rows_together_look_calm(window: BuildWindow) -> None:
    labels, texts = ["neutral"] * 2000, [f"text {n}" for n in range(2000)]
    for place, row in enumerate(range(0, 2000, 20)):
        texts[row] = ("ACME again", "阿克米公司", "acmeology")[place % 3]
        labels[row] = "negative" if place >= 80 else "neutral"

    config = CONFIG.model_copy(update={"window_rows": 10})
    found = find_surges(rows(window, labels, texts), config)

    assert [surge.name for surge in found] == ["Acme"]
    assert not any("acmeology" in text for text in found[0].texts)  # another word


def test_a_small_history_a_small_rise_and_a_fall_say_nothing(window: BuildWindow) -> None:
    assert find_surges(rows(window, ["neutral"] * 20 + ["negative"] * 20), CONFIG) == ()
    assert find_surges(rows(window, ["negative"] * 60 + ["neutral"] * 20), CONFIG) == ()
    assert find_surges(window(1, {"x": 1}).pick([]), CONFIG) == ()


def test_false_alerts_stay_within_the_budget(window: BuildWindow) -> None:
    generator = np.random.default_rng(1)
    config = CONFIG.model_copy(update={"alpha": 0.2, "budget_windows": 1, "min_rise": 0.0, "terms": {}})
    base = window(1, {"x": 100})
    alerts = 0
    for _ in range(300):
        labels = tuple(("negative",) if hit else ("neutral",) for hit in generator.random(100) < 0.3)
        alerts += bool(find_surges(replace(base, labels=labels), config))

    assert alerts <= 84  # 99.9% of Binomial(300, 0.2); the exact test is a little below its level
    assert alerts > 10


def test_a_label_surges_among_sets_whatever_stands_beside_it(window: BuildWindow) -> None:
    sets = [("billing",)] * 76 + [("billing", "outage")] * 4 + [("delivery", "outage")] * 16 + [()] * 4
    served = replace(window(1, {"x": len(sets)}), labels=tuple(sets))

    found = {surge.label: surge for surge in find_surges(served, CONFIG.model_copy(update={"label": None}))}

    assert (found["outage"].before, found["outage"].now) == (0.05, 0.8)
    assert (found["delivery"].before, found["delivery"].now) == (0.0, 0.8)
    assert "billing" not in found  # its share fell
