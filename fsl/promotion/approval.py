"""People in the loop: a version that waits for one, and what was decided.

A request and a decision are create-only records, so of two people who decide at once one is heard, and the other is
told so. No process waits: the time is up when the clock says so, whoever looks.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeVar

from pydantic import AwareDatetime, JsonValue

from fsl.evaluation.ruling.asking import why_ask
from fsl.evaluation.ruling.verdict import Verdict
from fsl.project import Project
from fsl.promotion.errors import AlreadyDecided, ChampionChanged, NoRequest, TimeIsUp
from fsl.promotion.overrides import VERDICT as OVERRIDE
from fsl.runs.steps import RetrainPlan
from fsl.store import documents, layout
from fsl.store.aliases import CHAMPION, Move, current_move, move_alias, read_moves
from fsl.store.envelopes import open_envelope, require_trust, seal
from fsl.store.errors import DamagedObject
from fsl.store.keys import checked_name
from fsl.store.objects import ObjectStore
from fsl.store.registry import Registry
from fsl.store.signing import Act

log = logging.getLogger(__name__)

SCHEMA = 1
DECISION_TYPE = "application/vnd.fsl.decision+json"
Answer = Literal["approved", "refused"]


class Request(documents.Document):
    """A version waits for a person."""

    version: str
    outcome: Literal["promote", "undecided"]
    champion: str | None  # what the verdict compared it with
    why: str  # a person is asked
    reasons: str  # of the verdict
    asked: AwareDatetime
    until: AwareDatetime

    def is_over(self, now: datetime) -> bool:
        return now > self.until


class Decision(documents.Document):
    """What a person decided."""

    version: str
    answer: Answer
    who: str
    why: str
    when: AwareDatetime


RecordT = TypeVar("RecordT", Request, Decision)


@dataclass(frozen=True)
class Standing:
    """Where a version's request stands."""

    request: Request
    decision: Decision | None
    state: Literal["waiting", "approved", "refused", "timed out"]

    def describe(self) -> str:
        """Return the standing as a sentence."""
        one, decision = self.request, self.decision
        if decision is not None:
            return f"{one.version} was {decision.answer} by {decision.who} on {_day(decision.when)}: {decision.why}"
        if self.state == "timed out":
            return (
                f"nobody answered for {one.version} until {_day(one.until)}, which is a refusal (gate.approval_hours)"
            )
        return f"{one.version} waits for approval until {_day(one.until)}, because {one.why}"


def ask_approval(project: Project, plan: RetrainPlan, verdict: Verdict, *, now: datetime) -> Request | None:
    """Leave a version waiting where a person has the last word, and return the request; None where nobody has.

    A request that was made before stands, with its time.
    """
    gates = (plan.config.gate, project.config.gate)
    why = why_ask(verdict.outcome, *gates)
    if why is None:
        return None
    hours = min(gate.approval_hours for gate in gates if why_ask(verdict.outcome, gate))
    request = {
        "version": plan.version,
        "outcome": verdict.outcome.value,
        "champion": verdict.champion,
        "why": why,
        "reasons": "; ".join(verdict.reasons),
        "asked": now.astimezone(UTC).isoformat(),
        "until": (now + timedelta(hours=hours)).astimezone(UTC).isoformat(),
    }
    project.store.create(layout.request(plan.version), _to_bytes(request))
    found = find_request(project.store, plan.version)
    assert found is not None
    log.info("%s waits for a person until %s, because %s", plan.version, found.until, why)
    return found


def approve(project: Project, version: str, *, who: str, why: str, now: datetime) -> Move:
    """Say yes to a waiting version, and make it the champion. Saying it again after a crash finishes the move.

    Raises:
        NoRequest, TimeIsUp, AlreadyDecided: it does not wait.
        ChampionChanged: the verdict was reached against another champion.
        AliasMoved: somebody moved the champion this very moment; it was not changed by this.
        NotTrusted: a signature is required, and the key at hand may not give it; nothing was changed.
    """
    standing = _require_open(project, version, now, finish="approved")
    request, seen = standing.request, current_move(project.registry, CHAMPION)
    if (seen.version if seen else None) != request.champion:
        raise ChampionChanged(version, request.champion, seen.version if seen else None)
    decision = _decide(project.registry, version, "approved", who=who, why=why, now=now)
    return move_alias(
        project.registry,
        CHAMPION,
        to=version,
        seen=seen,
        verdict="promote" if request.outcome == "promote" else OVERRIDE,
        who=decision.who,
        why=f"approved: {decision.why}; {request.reasons}",
        now=now,
    )


def refuse(project: Project, version: str, *, who: str, why: str, now: datetime) -> Decision:
    """Say no to a waiting version. Raises NoRequest, TimeIsUp, AlreadyDecided, NotTrusted."""
    _require_open(project, version, now)
    return _decide(project.registry, version, "refused", who=who, why=why, now=now)


def find_standing(project: Project, version: str, *, now: datetime) -> Standing | None:
    """Return where a version's request stands, or None where nobody was asked."""
    request = find_request(project.store, version)
    if request is None:
        return None
    decision = _find_decision(project.registry, version)
    if decision is not None:
        return Standing(request, decision, decision.answer)
    return Standing(request, None, "timed out" if request.is_over(now) else "waiting")


def list_standings(project: Project, *, now: datetime) -> tuple[Standing, ...]:
    """Return every request's standing, the oldest request first."""
    names = (
        info.key.removeprefix(layout.REQUESTS).removesuffix(".json") for info in project.store.list(layout.REQUESTS)
    )
    found = (find_standing(project, name, now=now) for name in names)
    return tuple(sorted((one for one in found if one), key=lambda one: one.request.asked))


def why_barred(project: Project, version: str, *, now: datetime) -> str | None:
    """Return why a scheduled run may not judge a version again: somebody was asked. None where nobody was."""
    standing = find_standing(project, version, now=now)
    if standing is None:
        return None
    following = "" if standing.state == "waiting" else ". New rows make a new version"
    return f"{standing.describe()}{following}"


def find_request(store: ObjectStore, version: str) -> Request | None:
    """Return the request for a version, or None where nobody was asked. Raises DamagedObject, NewerSchema."""
    key = layout.request(checked_name("a version", version))
    data = store.find(key)
    return None if data is None else _parse(Request, data, version, store.where(key))


def _require_open(project: Project, version: str, now: datetime, *, finish: Answer | None = None) -> Standing:
    """Return the standing of a version that waits, or whose decision `finish` was written and not carried out."""
    standing = find_standing(project, version, now=now)
    if standing is None:
        raise NoRequest(version)
    if standing.state == "timed out":
        raise TimeIsUp(version, _day(standing.request.until))
    if standing.decision is not None and (standing.decision.answer != finish or _was_champion(project, version)):
        raise _already(standing.decision)
    return standing


def _was_champion(project: Project, version: str) -> bool:
    return any(move.version == version for move in read_moves(project.registry, CHAMPION))


def _decide(registry: Registry, version: str, answer: Answer, *, who: str, why: str, now: datetime) -> Decision:
    """Write the decision, and return the one that holds: the first, where it says the same.

    Raises:
        AlreadyDecided: somebody was faster, and said otherwise.
        NotTrusted: the key at hand may not give the signature that is required; nothing was written.
    """
    decision = {"version": version, "answer": answer, "who": who, "why": why, "when": now.astimezone(UTC).isoformat()}
    key = layout.approval(version)
    data = seal(_to_bytes(decision), Act.PROMOTE, registry.signer, payload_type=DECISION_TYPE)
    _open_decision(registry, data, version)  # as others will read it: one that they would refuse must not be made
    is_first = registry.store.create(key, data)
    found = _find_decision(registry, version)
    assert found is not None
    if not is_first and found.answer != answer:
        raise _already(found)
    log.info("%s was %s by %s: %s", version, found.answer, found.who, found.why)
    return found


def _find_decision(registry: Registry, version: str) -> Decision | None:
    data = registry.store.find(layout.approval(version))
    return None if data is None else _open_decision(registry, data, version)


def _open_decision(registry: Registry, data: bytes, version: str) -> Decision:
    """Read a decision that may be anything. Raises DamagedObject, NewerSchema, NotTrusted."""
    where = registry.store.where(layout.approval(version))
    opened = open_envelope(data, Act.PROMOTE, registry.trust, where, payload_type=DECISION_TYPE)
    require_trust(opened, registry.trust, where)
    return _parse(Decision, opened.body, version, where)


def _already(decision: Decision) -> AlreadyDecided:
    return AlreadyDecided(decision.version, decision.answer, decision.who, _day(decision.when), decision.why)


def _to_bytes(document: Mapping[str, JsonValue]) -> bytes:
    return documents.to_bytes({"schema": SCHEMA, **document})


def _parse(kind: type[RecordT], data: bytes, version: str, where: str) -> RecordT:
    found = documents.parse(kind, data, where, schema_key="schema", schema=SCHEMA)
    if found.version != version:  # a signed yes to one version is none to another
        raise DamagedObject(where, f"it is about version {found.version!r}")
    return found


def _day(when: datetime) -> str:
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
