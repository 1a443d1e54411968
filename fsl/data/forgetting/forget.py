"""Forgetting from end to end: search, prepare what stays, write the tombstone, remove.

Nothing is removed before the tombstone stands, and the tombstone names all that goes, so a process that is killed
leaves either everything as it was or a list that anybody can finish: `finish` does, and every later call begins with
it. Of two that work at once one takes the number, and the other searches again.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import md5

from fsl.config import RunConfig
from fsl.data.batches import read_commits
from fsl.data.errors import ForgettingContended
from fsl.data.forgetting.choosing import choose_texts
from fsl.data.forgetting.files import DROPPED, SERVED, SET_ASIDE
from fsl.data.forgetting.findings import Finding, Place, Search, digest_of
from fsl.data.forgetting.marks import Marks
from fsl.data.forgetting.pages import RUN_PAGES, VALIDATION, VALIDATION_PAGES
from fsl.data.forgetting.selection import Selection
from fsl.data.forgetting.tables import BATCHES, REFUSED, UNLABELLED
from fsl.data.forgetting.traces import DECISIONS, EMBEDDINGS, RECORDS, SCORES, SOFT_LABELS
from fsl.data.splits import load_split_key
from fsl.data.tombstones import (
    INBOX,
    Replacement,
    Tombstone,
    Tombstones,
    Why,
    is_finished,
    mark_key,
    read_tombstones,
    save_tombstone,
)
from fsl.problems import find_problem
from fsl.store import layout
from fsl.store.objects import ObjectStore

log = logging.getLogger(__name__)

N_ATTEMPTS = 20
# Tables and predictions come first: they tell the row ids by which sheets and soft labels are searched.
PLACES: tuple[Place, ...] = (
    *(BATCHES, UNLABELLED, SERVED, REFUSED, DROPPED, SET_ASIDE),
    *(SCORES, SOFT_LABELS, EMBEDDINGS, DECISIONS, VALIDATION_PAGES, RUN_PAGES, RECORDS),
)


@dataclass(frozen=True, slots=True)
class Found:
    """One object that holds rows to be forgotten."""

    place: str
    key: str
    n_rows: int


@dataclass(frozen=True)
class Forgotten:
    """What was found, and the tombstone where it was removed."""

    n_texts: int
    found: tuple[Found, ...]
    unread: tuple[str, ...]  # sentences on what could not be searched
    tombstone: Tombstone | None


def survey(store: ObjectStore, config: RunConfig, selection: Selection) -> Forgotten:
    """Say where the rows that are meant lie. Nothing is changed."""
    search = _open_search(store, config)
    wanted = _choose(search, selection)
    if not wanted.texts:
        return Forgotten(0, (), (), None)
    search.marks = wanted
    findings = list(_everywhere(search))
    return Forgotten(len(wanted.texts), _told(findings), tuple(search.unread), None)


def forget(store: ObjectStore, config: RunConfig, selection: Selection, *, who: str, now: datetime) -> Forgotten:
    """Remove the rows that are meant wherever they lie. Where nothing is meant any more, nothing is done."""
    finish(store, config)
    search = _open_search(store, config)
    wanted = _choose(search, selection)
    if not wanted.texts:
        return Forgotten(0, (), (), None)
    return _remove(store, config, wanted, why="forget", who=who, when=now, asked=now)


def sweep(store: ObjectStore, config: RunConfig) -> Forgotten:
    """Search for what was asked to be forgotten before, and may have come in since; finish what was begun."""
    finish(store, config)
    bearing = [one for one in read_tombstones(store).every if one.texts]
    if not bearing:
        return Forgotten(0, (), (), None)
    nothing = _open_search(store, config).marks
    return _remove(
        store, config, nothing, why="sweep", who=bearing[-1].who, when=bearing[-1].when, asked=bearing[-1].asked
    )


def finish(store: ObjectStore, config: RunConfig) -> tuple[int, ...]:
    """Carry out every tombstone that a killed process left; return their numbers."""
    every = read_tombstones(store).every  # what is retired waits for its time: `fsl.data.retention`
    left = tuple(one for one in every if one.why != "retention" and not is_finished(store, one.seq))
    for tombstone in left:
        carry_out(store, config, tombstone)
    return tuple(one.seq for one in left)


def carry_out(store: ObjectStore, config: RunConfig, tombstone: Tombstone) -> None:
    """Remove everything that a tombstone names. Doing it again, or twice at once, is harmless.

    What is left of an object follows from the object and the tombstones alone, so it is worked out here, once more.
    """
    search = _open_search(store, config)
    search.marks = Marks.of_tombstones(read_tombstones(store), search.marks.key)
    looks = {place.name: place.look for place in PLACES}
    for one in tombstone.replaced:
        if one.becomes is not None and not one.is_ready:
            for finding in looks[one.place](search, one.key):
                if finding.content is not None:
                    store.put(finding.becomes or one.becomes, finding.content)
        if one.becomes == one.key:
            store.delete_versions(one.key, keep_latest=True)
        else:
            store.delete(one.key)
            store.delete_versions(one.key)
    store.create(layout.tombstone_done(tombstone.seq), b"{}\n")
    log.info("tombstone %d (%s): %d objects replaced or removed", tombstone.seq, tombstone.why, len(tombstone.replaced))


def replacement_of(store: ObjectStore, finding: Finding) -> Replacement:
    """Return what a tombstone says of a finding; store what is left where its digest is its name."""
    one = finding
    is_ready = one.content is not None and (one.rest is not None or one.place == VALIDATION)
    if is_ready and one.becomes is not None and one.content is not None:
        store.put(one.becomes, one.content)  # nobody looks there before the tombstone stands
    claims = one.content if one.content is not None and one.place == INBOX else b""
    return Replacement(
        place=one.place,
        key=one.key,
        sha256=one.sha256,
        n_rows=one.n_rows,
        becomes=one.becomes,
        is_ready=is_ready,
        rest=one.rest,
        rest_sha256=digest_of(claims) if claims else "",
        rest_md5=md5(claims, usedforsecurity=False).hexdigest() if claims else "",  # what most stores' etags are
        rest_size=len(claims),
    )


def _remove(
    store: ObjectStore, config: RunConfig, wanted: Marks, *, why: Why, who: str, when: datetime, asked: datetime
) -> Forgotten:
    for _ in range(N_ATTEMPTS):
        earlier = read_tombstones(store)
        search = _open_search(store, config)
        search.marks = Marks.of_tombstones(earlier, wanted.key) | wanted
        commits = read_commits(store)
        found: list[Finding] = []
        replaced = []
        for finding in _everywhere(search):
            replaced.append(replacement_of(store, finding))
            found.append(Finding(finding.place, finding.key, finding.sha256, finding.n_rows, finding.becomes))
        n_texts = len(wanted.texts)
        if not replaced and not n_texts and all(earlier.is_searched(record) for record in commits):
            return Forgotten(0, (), tuple(search.unread), None)
        tombstone = Tombstone(
            seq=earlier.n + 1,
            why=why,
            who=who,
            when=when,
            asked=asked,
            through=len(commits),
            texts=tuple(sorted(wanted.texts)),
            excerpts=tuple(sorted(search.marks.excerpts)) if n_texts else (),
            rows=tuple(sorted(search.marks.rows)) if replaced else (),
            replaced=tuple(replaced),
        )
        if save_tombstone(store, tombstone):
            carry_out(store, config, tombstone)
            return Forgotten(n_texts, _told(found), tuple(search.unread), tombstone)
        log.info("somebody else wrote tombstone %d; searching again", tombstone.seq)
    raise ForgettingContended(N_ATTEMPTS)


def _open_search(store: ObjectStore, config: RunConfig) -> Search:
    key = mark_key(load_split_key(store, config.project))
    return Search(store, config, find_problem(config.problem.kind), Marks.of_tombstones(Tombstones(()), key))


def _choose(search: Search, selection: Selection) -> Marks:
    return Marks.of_texts(choose_texts(search.store, selection, search.problem), search.marks.key)


def _everywhere(search: Search) -> Iterator[Finding]:
    for place in PLACES:
        yield from place.search(search)


def _told(findings: list[Finding]) -> tuple[Found, ...]:
    return tuple(Found(one.place, one.key, one.n_rows) for one in findings)
