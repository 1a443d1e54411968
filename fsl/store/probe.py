"""Does this store honour create-only writes? Everything that must not be lost rests on the answer, so it is tried.

Some stores answer 200 to a conditional write and overwrite. No list of good stores can be trusted for long
(releases differ), so the store itself is asked.
"""

import hashlib
import json
import logging
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fsl.config import StoreConfig
from fsl.store.cache import write_whole
from fsl.store.errors import NotSupported, UnsafeStore
from fsl.store.objects import ObjectStore

log = logging.getLogger(__name__)

N_RACERS = 4
N_ROUNDS = 2
VALID_FOR = timedelta(days=1)  # a store may be updated under us


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """Whether create-only writes hold, and what was seen."""

    honoured: bool
    detail: str


def probe_create_only(store: ObjectStore) -> ProbeResult:
    """Try create-only writes one after the other and in parallel, under a key that is removed afterwards."""
    area = store.within(f".probe/{uuid.uuid4().hex}/")
    keys = ["late", *(f"race-{n}" for n in range(N_ROUNDS))]
    try:
        result = _try_late(area) or _try_races(area)
    except NotSupported as error:
        result = ProbeResult(False, error.reason)
    finally:
        for key in keys:
            area.delete(key)
    result = result or ProbeResult(True, f"a late write and {N_ROUNDS} races of {N_RACERS} writers had one winner each")
    log.info("create-only writes at %s: honoured %s; %s", store.where(), result.honoured, result.detail)
    return result


def ensure_safe(
    store: ObjectStore, config: StoreConfig, *, cache: Path | None = None, now: datetime | None = None
) -> None:
    """Raise UnsafeStore unless create-only writes hold, or the config promises a single writer.

    Args:
        cache: folder in which a good answer is kept for a day.
    """
    if config.single_writer:
        log.warning("%s is not probed: the config promises a single writer", store.where())
        return
    now = now or datetime.now(UTC)
    kept = _cache_path(store, cache) if cache else None
    if kept and _is_fresh(kept, now):
        return
    result = probe_create_only(store)
    if not result.honoured:
        raise UnsafeStore(store.where(), result.detail)
    if kept:
        write_whole(kept, json.dumps(asdict(result) | {"when": now.isoformat()}).encode())


def _try_late(area: ObjectStore) -> ProbeResult | None:
    """Return what is wrong, or None."""
    if not area.create("late", b"first"):
        return ProbeResult(False, "a first write was refused")
    if area.create("late", b"second") or area.find("late") != b"first":
        return ProbeResult(False, "a second write went over the first")
    return None


def _try_races(area: ObjectStore) -> ProbeResult | None:
    """Return what is wrong, or None."""
    for number in range(N_ROUNDS):
        key = f"race-{number}"
        with ThreadPoolExecutor(N_RACERS) as pool:
            won = list(pool.map(lambda racer, key=key: area.create(key, b"%d" % racer), range(N_RACERS)))
        if won.count(True) != 1 or area.find(key) != b"%d" % won.index(True):
            return ProbeResult(False, f"of {N_RACERS} writers at once, {won.count(True)} were told that they had won")
    return None


def _cache_path(store: ObjectStore, cache: Path) -> Path:
    server = hashlib.sha256(f"{store.endpoint_url}/{store.bucket}".encode()).hexdigest()[:16]
    return cache / "probes" / f"{server}.json"


def _is_fresh(path: Path, now: datetime) -> bool:
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        age = now - datetime.fromisoformat(facts["when"])
        return facts["honoured"] is True and timedelta(0) <= age < VALID_FOR
    except (OSError, ValueError, KeyError, TypeError):
        return False
