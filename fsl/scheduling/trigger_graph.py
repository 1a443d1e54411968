"""Which flow says what when it is done, and what that starts: data, so that a circle can be found before it turns.

A trigger that leads back to the flow which set it off would start runs for ever, so a config with one is refused.
"""

from collections.abc import Iterable, Mapping

BATCH_ACCEPTED = "fsl.batch.accepted"
DRIFT_CHECKED = "fsl.drift.checked"
RETRAIN_FINISHED = "fsl.retrain.finished"
CHAMPION_MOVED = "fsl.champion.moved"
SILENCE_FOUND = "fsl.silence.found"  # for people: no flow starts on it

EMITS: Mapping[str, tuple[str, ...]] = {
    "ingest": (BATCH_ACCEPTED,),
    "drift": (DRIFT_CHECKED,),
    "retrain": (RETRAIN_FINISHED, CHAMPION_MOVED),
    "promote": (CHAMPION_MOVED,),
    "rollback": (CHAMPION_MOVED,),
    "watch": (CHAMPION_MOVED,),
    "cycle": (BATCH_ACCEPTED, DRIFT_CHECKED, RETRAIN_FINISHED, CHAMPION_MOVED),
    "housekeeping": (),
}
# What every project has. The event's label `fsl.action` says whether it really starts.
STARTS: tuple[tuple[str, str], ...] = ((BATCH_ACCEPTED, "retrain"), (DRIFT_CHECKED, "retrain"))


def find_circle(rules: Iterable[tuple[str, str]]) -> tuple[str, ...] | None:
    """Return flows and events in turn, the first flow again at the end, where one leads back to itself; or None.

    Args:
        rules: pairs of an event and the flow that it starts.
    """
    starts: dict[str, list[str]] = {}
    for event, flow in (*STARTS, *rules):
        starts.setdefault(event, []).append(flow)
    for first in EMITS:
        path = _path(first, first, starts, (first,))
        if path is not None:
            return path
    return None


def _path(flow: str, goal: str, starts: Mapping[str, list[str]], so_far: tuple[str, ...]) -> tuple[str, ...] | None:
    for event in EMITS[flow]:
        for following in starts.get(event, ()):
            if following == goal:
                return (*so_far, event, goal)
            if following not in so_far:
                found = _path(following, goal, starts, (*so_far, event, following))
                if found is not None:
                    return found
    return None
