"""Which retrains of a project ran, when and for how long: read off the claims that they held, so nothing is kept twice.

Every retrain holds the claim `retrain/champion` for as long as it runs. The object that made the claim tells when it
began, the last sign of life when it ended, killed ones included, and the claim's own words what it was and how it went.
What a retrain came to is kept beside its steps, so that starting it again gives the same answer at once.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import JsonValue

from fsl.scheduling.claims import read_fence, read_sign
from fsl.scheduling.triggers import Spent
from fsl.store import documents, layout
from fsl.store.objects import ObjectStore

KIND, KEY = "retrain", "champion"
HOUSEKEEPING = "housekeeping"  # holds the claim while it removes what old retrains left
JUDGED = ("promote", "reject", "undecided")
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One start of a retrain."""

    began: datetime
    ended: datetime  # its last sign of life
    subject: str  # the retrain's key
    outcome: str  # as it was given back; "" for one that was killed or runs

    @property
    def did_something(self) -> bool:
        """Whether it trained or judged. One that found nothing new, or the work done, cost nothing."""
        if self.subject == HOUSEKEEPING:
            return False
        return self.outcome in JUDGED or not self.outcome or self.outcome.startswith("failed")


def read_attempts(store: ObjectStore, *, n_last: int = 50) -> tuple[Attempt, ...]:
    """Return the latest starts of retrains, oldest first. Times are the store's."""
    infos = {info.key: info for info in store.list(layout.claims(KIND, KEY))}
    fences = sorted(fence for key in infos if (fence := layout.sequence_of(key)) is not None)[-n_last:]
    attempts = []
    for fence in fences:
        began = infos[layout.claim(KIND, KEY, fence)].modified
        last = infos.get(layout.claim_sign(KIND, KEY, fence))
        claimed, sign = read_fence(store, KIND, KEY, fence), read_sign(store, KIND, KEY, fence)
        attempts.append(
            Attempt(
                began,
                last.modified if last else began,
                claimed.subject if claimed else "",
                sign.outcome if sign and sign.released else "",
            )
        )
    return tuple(attempts)


def spent_of(attempts: Sequence[Attempt], now: datetime) -> Spent:
    """Return what the last 24 hours cost."""
    recent = [one for one in attempts if one.did_something and now - one.ended < DAY]
    return Spent(len(recent), sum((one.ended - one.began).total_seconds() for one in recent) / 60)


def last_judged(attempts: Sequence[Attempt]) -> Attempt | None:
    """Return the last retrain that came to a verdict."""
    return next((one for one in reversed(attempts) if one.outcome in JUDGED), None)


def find_result(store: ObjectStore, key: str, seen: int) -> dict[str, JsonValue] | None:
    """Return what a retrain came to against the champion of a move, or None where it came to nothing yet."""
    data = store.find(_result(key, seen))
    if data is None:
        return None
    try:
        found = json.loads(data)
    except ValueError:
        return None  # then it is judged again, which spends nothing
    return found if isinstance(found, dict) else None


def keep_result(store: ObjectStore, key: str, seen: int, result: dict[str, JsonValue]) -> None:
    """Keep what a retrain came to. The first one holds."""
    store.create(_result(key, seen), documents.to_bytes(result))


def _result(key: str, seen: int) -> str:
    return layout.step(key, f"result-after-{seen:08d}.json")
