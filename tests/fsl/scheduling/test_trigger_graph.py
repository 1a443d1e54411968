"""No trigger sets itself off."""

from fsl.scheduling.trigger_graph import find_circle


def test_what_every_project_has_comes_to_rest() -> None:
    assert find_circle(()) is None


def test_a_flow_that_starts_itself_is_named() -> None:
    assert find_circle([("fsl.retrain.finished", "retrain")]) == ("retrain", "fsl.retrain.finished", "retrain")


def test_a_circle_over_several_flows_is_named_whole() -> None:
    circle = find_circle([("fsl.retrain.finished", "drift")])

    assert circle == ("drift", "fsl.drift.checked", "retrain", "fsl.retrain.finished", "drift")


def test_a_chain_without_a_circle_is_let_in() -> None:
    assert find_circle([("fsl.champion.moved", "housekeeping"), ("fsl.batch.accepted", "drift")]) is None
