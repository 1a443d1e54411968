"""Where decisions lie: one folder for each window, written once. What they say is `decision`'s."""

import json
import logging

from fsl.drift.decision.decision import Decision
from fsl.drift.errors import DamagedDecision
from fsl.drift.report.pages import DriftPages
from fsl.store import layout
from fsl.store.objects import ObjectStore

_log = logging.getLogger(__name__)
DECISION, PAGE, NUMBERS = "decision.json", "report.html", "report.json"


def save_decision(store: ObjectStore, decision: Decision, pages: DriftPages | None = None) -> Decision:
    """Store one window's decision and pages, and return the decision that holds for it.

    The first to finish a window wins: who comes later, or again, gets what was stored then. The decision is written
    last, so that where it stands the pages stand too.
    """
    stored = find_decision(store, decision.window)
    if stored is not None:
        return stored
    if pages is not None:
        store.put(layout.drift(decision.window, PAGE), pages.html)
        store.put(layout.drift(decision.window, NUMBERS), pages.json)
    text = json.dumps(decision.to_json(), ensure_ascii=False, allow_nan=False, indent=1)
    if store.create(layout.drift(decision.window, DECISION), text.encode("utf-8", "replace")):
        return decision
    return find_decision(store, decision.window) or decision


def find_decision(store: ObjectStore, window: str) -> Decision | None:
    """Return a window's decision, or None where there is none. Raises DamagedDecision."""
    data = store.find(layout.drift(window, DECISION))
    return None if data is None else _read(data)


def read_history(store: ObjectStore) -> tuple[Decision, ...]:
    """Return every decision, the oldest window first; one that cannot be read is logged and left out."""
    decisions = []
    for info in store.list(layout.DRIFT):
        if not info.key.endswith(f"/{DECISION}"):
            continue
        try:
            decisions.append(_read(store.get(info.key)))
        except DamagedDecision as error:
            _log.warning("%s: %s", store.where(info.key), error)
    return tuple(sorted(decisions, key=lambda decision: decision.window))


def _read(data: bytes) -> Decision:
    try:
        return Decision.from_json(json.loads(data))
    except ValueError as error:
        raise DamagedDecision("it is not JSON") from error
