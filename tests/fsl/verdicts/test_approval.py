"""People in the loop: what waits, what a decision does, and what time does where nobody decides."""

import base64
import dataclasses
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fsl.config import GateConfig, RegistryConfig, TrustedKeyConfig
from fsl.evaluation.ruling.asking import why_ask
from fsl.evaluation.ruling.verdict import Outcome, Verdict
from fsl.promotion.approval import approve, ask_approval, find_standing, list_standings, refuse, why_barred
from fsl.promotion.errors import AlreadyDecided, ApprovalNeeded, ChampionChanged, NoRequest, TimeIsUp
from fsl.promotion.promote import promote
from fsl.runs.steps import RetrainPlan
from fsl.store import layout
from fsl.store.aliases import CHAMPION, current_move, move_alias, read_moves
from fsl.store.errors import DamagedObject, NotTrusted
from fsl.store.registry import publish_version
from fsl.store.signing import Signer, new_key, trust_of

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=5)
TOO_LATE = NOW + timedelta(hours=10, seconds=1)
Fsl = Callable[..., tuple[int, str]]


def verdict_on(version: str, outcome: Outcome = Outcome.PROMOTE, champion: str | None = None) -> Verdict:
    reasons = ("better: p = 0.01",)
    return Verdict(outcome, reasons, (), (), version, champion, "nothing", "accuracy", None, (), (), (), None)


def registered(trial: Any, name: str) -> RetrainPlan:
    """A version of the registry, without the training behind it."""
    folder = trial.project.cache / name
    folder.mkdir(parents=True)
    (folder / "README.md").write_text("# A card\n", encoding="utf-8")
    plan = RetrainPlan(name.ljust(32, "0"), "0" * 64, trial.project.config)
    publish_version(trial.project.registry, plan.version, folder, facts={}, now=NOW)
    return plan


@pytest.fixture
def strict(trial: Any) -> Any:
    return trial.under(approval="required", approval_hours=10)


def test_a_version_waits_only_where_somebody_wants_to_be_asked() -> None:
    plain, required, asking = GateConfig(), GateConfig(approval="required"), GateConfig(on_undecided="ask")

    assert why_ask(Outcome.PROMOTE, plain, plain) is None
    assert (
        why_ask(Outcome.PROMOTE, plain, required) == "`gate.approval` is required"
    )  # a plan of before does not slip by
    assert why_ask(Outcome.UNDECIDED, required) is None
    assert "`gate.on_undecided` is ask" in str(why_ask(Outcome.UNDECIDED, asking))
    assert why_ask(Outcome.REJECT, GateConfig(approval="required", on_undecided="ask")) is None


def test_no_run_promotes_what_a_person_must_approve(strict: Any) -> None:
    plan = registered(strict, "aa")

    with pytest.raises(ApprovalNeeded, match=f"fsl models approve {plan.version}"):
        promote(strict.project, plan, verdict_on(plan.version), seen=None, who="flow:retrain", now=NOW)

    assert current_move(strict.project.registry, CHAMPION) is None


def test_an_approved_version_serves_and_the_log_says_who_and_why(strict: Any) -> None:
    plan = registered(strict, "aa")
    assert find_standing(strict.project, plan.version, now=NOW) is None
    request = ask_approval(strict.project, plan, verdict_on(plan.version), now=NOW)
    assert request is not None
    assert request.until == NOW + timedelta(hours=10)
    assert "waits for approval until 2026-03-01 22:00 UTC" in str(why_barred(strict.project, plan.version, now=NOW))
    again = ask_approval(strict.project, plan, verdict_on(plan.version), now=LATER)
    assert again == request  # asking again gives nobody more time

    move = approve(strict.project, plan.version, who="person:ada", why="looks right", now=LATER)

    assert (move.version, move.verdict, move.who) == (plan.version, "promote", "person:ada")
    assert move.why == "approved: looks right; better: p = 0.01"
    standing = find_standing(strict.project, plan.version, now=TOO_LATE)
    assert standing is not None
    assert standing.describe() == f"{plan.version} was approved by person:ada on 2026-03-01 17:00 UTC: looks right"
    with pytest.raises(AlreadyDecided, match="was approved by person:ada"):
        approve(strict.project, plan.version, who="person:bob", why="me too", now=LATER)
    with pytest.raises(AlreadyDecided):
        refuse(strict.project, plan.version, who="person:bob", why="no", now=LATER)
    assert len(read_moves(strict.project.registry, CHAMPION)) == 1


def test_a_refused_version_never_serves_and_no_run_judges_it_again(strict: Any) -> None:
    plan = registered(strict, "aa")
    ask_approval(strict.project, plan, verdict_on(plan.version), now=NOW)

    refuse(strict.project, plan.version, who="person:ada", why="the new label is wrong", now=LATER)

    with pytest.raises(AlreadyDecided, match=r"was refused by person:ada.*the new label is wrong"):
        approve(strict.project, plan.version, who="person:bob", why="yes", now=LATER)
    assert "New rows make a new version" in str(why_barred(strict.project, plan.version, now=LATER))
    assert current_move(strict.project.registry, CHAMPION) is None


def test_silence_is_a_refusal_though_nothing_runs(strict: Any) -> None:
    plan = registered(strict, "aa")
    ask_approval(strict.project, plan, verdict_on(plan.version), now=NOW)

    for decide in (approve, refuse):
        with pytest.raises(TimeIsUp, match="waited until 2026-03-01 22:00 UTC, and no answer in time is a refusal"):
            decide(strict.project, plan.version, who="person:ada", why="sorry", now=TOO_LATE)

    assert current_move(strict.project.registry, CHAMPION) is None
    assert strict.project.store.find(layout.approval(plan.version)) is None
    assert [one.state for one in list_standings(strict.project, now=TOO_LATE)] == ["timed out"]
    assert [one.state for one in list_standings(strict.project, now=LATER)] == ["waiting"]


def test_a_verdict_against_another_champion_approves_nothing(strict: Any) -> None:
    first, second = registered(strict, "aa"), registered(strict, "bb")
    ask_approval(strict.project, second, verdict_on(second.version), now=NOW)
    store, registry = strict.project.store, strict.project.registry
    move_alias(registry, CHAMPION, to=first.version, seen=None, verdict="promote", who="t", why="t", now=NOW)

    with pytest.raises(ChampionChanged, match=f"judged against nothing, but {first.version} serves now.*fsl retrain"):
        approve(strict.project, second.version, who="person:ada", why="yes", now=LATER)

    assert [move.version for move in read_moves(registry, CHAMPION)] == [first.version]
    assert store.find(layout.approval(second.version)) is None  # so it can still be refused
    refuse(strict.project, second.version, who="person:ada", why="too late", now=LATER)


def test_a_decision_whose_move_was_cut_off_is_carried_out_by_saying_it_again(
    strict: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = registered(strict, "aa")
    ask_approval(strict.project, plan, verdict_on(plan.version), now=NOW)

    def cut(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr("fsl.promotion.approval.move_alias", cut)
        with pytest.raises(KeyboardInterrupt):
            approve(strict.project, plan.version, who="person:ada", why="yes", now=LATER)
    assert current_move(strict.project.registry, CHAMPION) is None

    move = approve(strict.project, plan.version, who="person:bob", why="again", now=TOO_LATE)

    assert (move.version, move.who) == (plan.version, "person:ada")  # whose decision it was


def test_of_people_who_decide_at_once_one_is_heard(strict: Any) -> None:
    plan = registered(strict, "aa")
    ask_approval(strict.project, plan, verdict_on(plan.version), now=NOW)

    def decide(person: int) -> str:
        try:
            (approve if person % 2 else refuse)(strict.project, plan.version, who=f"p{person}", why="w", now=LATER)
        except Exception as error:
            return type(error).__name__
        return "done"

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(decide, range(6)))

    standing, moves = (
        find_standing(strict.project, plan.version, now=LATER),
        read_moves(strict.project.registry, CHAMPION),
    )
    assert standing is not None
    assert len(moves) == (1 if standing.state == "approved" else 0)


def test_an_undecided_version_that_is_approved_is_an_override(trial: Any) -> None:
    asking = trial.under(on_undecided="ask")
    plan = registered(asking, "aa")
    ask_approval(asking.project, plan, verdict_on(plan.version, Outcome.UNDECIDED), now=NOW)

    assert approve(asking.project, plan.version, who="person:ada", why="yes", now=LATER).verdict == "override"


def test_what_nobody_was_asked_about_is_told_the_other_way(trial: Any) -> None:
    plan = registered(trial, "aa")

    with pytest.raises(NoRequest, match=f"fsl models promote {plan.version}"):
        approve(trial.project, plan.version, who="person:ada", why="yes", now=NOW)
    assert ask_approval(trial.project, plan, verdict_on(plan.version), now=NOW) is None


def test_a_damaged_request_promotes_nothing(strict: Any) -> None:
    plan = registered(strict, "aa")
    strict.project.store.put(layout.request(plan.version), b'{"schema": 1, "version": 3}')

    with pytest.raises(DamagedObject):
        approve(strict.project, plan.version, who="person:ada", why="yes", now=NOW)
    assert current_move(strict.project.registry, CHAMPION) is None


def test_the_command_line_approves_refuses_and_lists(strict: Any, fsl: Fsl) -> None:
    first, second = registered(strict, "aa"), registered(strict, "bb")
    assert "nothing waits" in fsl("models", "waiting")[1]
    for plan in (first, second):
        ask_approval(strict.project, plan, verdict_on(plan.version), now=datetime.now(UTC))
    assert f"fsl models approve {first.version}" in fsl("models", "waiting")[1]

    assert fsl("models", "approve", first.version)[0] == 2  # a reason is asked for
    assert fsl("models", "refuse", first.version, "--reason", "  ")[0] == 2
    status, said = fsl("models", "refuse", second.version, "--reason", "not \x1b[31m yet")
    assert (status, "what serves stays" in said) == (0, True)
    status, said = fsl("models", "approve", first.version, "--reason", "good")
    assert (status, f"{first.version} is the champion" in said) == (0, True)

    status, said = fsl("models", "waiting")
    assert "was approved by person:" in said
    assert "was refused by person:" in said
    assert "\x1b" not in said
    status, said = fsl("models", "approve", second.version, "--reason", "after all")
    assert status == 1
    assert "was refused by" in said
    assert [move.version for move in read_moves(strict.project.registry, CHAMPION)] == [first.version]


def test_a_decision_is_signed_where_moves_are_and_holds_for_its_own_version_alone(strict: Any, tmp_path: Path) -> None:
    first, second = registered(strict, "aa"), registered(strict, "bb")
    for plan in (first, second):
        ask_approval(strict.project, plan, verdict_on(plan.version), now=NOW)
    key, stranger = new_key(tmp_path / "promoter.pem"), new_key(tmp_path / "stranger.pem")
    trainer = new_key(tmp_path / "trainer.pem")
    keys = tuple(
        TrustedKeyConfig(name=name, public_key=base64.b64encode(one.public_key).decode(), may=(act,))
        for name, one, act in (("promoter", key, "promote"), ("trainer", trainer, "publish"))
    )
    trust = trust_of(RegistryConfig(require_signature=True, keys=keys))

    def signing(signer: Signer | None) -> Any:
        project = dataclasses.replace(strict.project)
        project.__dict__["registry"] = dataclasses.replace(strict.project.registry, trust=trust, signer=signer)
        return project

    for signer in (None, stranger, trainer):
        for decide in (approve, refuse):
            with pytest.raises(NotTrusted):
                decide(signing(signer), first.version, who="person:ada", why="yes", now=LATER)
    assert strict.project.store.find(layout.approval(first.version)) is None

    refuse(signing(key), first.version, who="person:ada", why="no", now=LATER)
    signed = strict.project.store.get(layout.approval(first.version))
    assert find_standing(signing(None), first.version, now=LATER).decision.who == "person:ada"
    strict.project.store.put(layout.approval(second.version), signed)
    with pytest.raises(DamagedObject, match=f"it is about version '{first.version}'"):
        find_standing(signing(None), second.version, now=LATER)
