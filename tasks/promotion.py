"""Prefect tasks that judge, register and promote. The gate's rules and the protocol of a move are fsl's."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from prefect import task
from prefect.artifacts import create_markdown_artifact
from pydantic import JsonValue

from fsl.evaluation.report.in_markdown import render_request
from fsl.evaluation.ruling.verdict import Verdict
from fsl.promotion import approval, overrides, watch
from fsl.promotion import promote as promotion
from fsl.runs import retrain_log
from fsl.runs.run_page import describe_run, publish_run_page
from fsl.runs.steps import load_plan
from fsl.scheduling.claims import Ticket, ensure_held
from fsl.store.aliases import CHAMPION, Move, current_move, rollback
from tasks.resources import RETRIES, is_transient, project_of


@task(name="look up the champion", timeout_seconds=120, retry_condition_fn=is_transient, **RETRIES)
def resolve_champion(project: str) -> Move | None:
    """Return the champion's latest move. A flow asks once, so nobody changes its subject half-way."""
    return current_move(project_of(project).registry, CHAMPION)


@task(name="ask whether it was rolled back", timeout_seconds=120, retry_condition_fn=is_transient, **RETRIES)
def why_barred(project: str, version: str) -> str | None:
    """Return why a version may not be promoted again by itself, or None."""
    opened = project_of(project)
    return promotion.why_barred(opened, version) or approval.why_barred(opened, version, now=datetime.now(UTC))


@task(name="score on judge rows", timeout_seconds=3600, retry_condition_fn=is_transient, **RETRIES)
def score_both(project: str, key: str, champion: str | None) -> None:
    """Score challenger and champion through the server's predictor, one after the other on the same machine."""
    opened = project_of(project)
    plan = load_plan(opened, key)
    promotion.score_challenger(opened, plan)
    if champion is not None:
        promotion.score_champion(opened, plan, champion)


@task(name="judge", timeout_seconds=600, retry_condition_fn=is_transient, **RETRIES)
def judge_challenger(project: str, key: str, champion: str | None) -> dict[str, JsonValue]:
    """Reach the verdict, and return it as JSON."""
    opened = project_of(project)
    return promotion.judge_challenger(opened, load_plan(opened, key), champion).to_json()


@task(name="register the version", timeout_seconds=1800, retry_condition_fn=is_transient, **RETRIES)
def register_version(project: str, key: str, verdict: dict[str, JsonValue], reason: str) -> str:
    """Publish the run's page, register the bundle as a version and name it the challenger; return its name."""
    opened = project_of(project)
    plan = load_plan(opened, key)
    report = describe_run(opened, plan, Verdict.from_json(verdict), trigger=reason, now=datetime.now(UTC))
    page = publish_run_page(opened, plan, report)
    manifest = promotion.register_challenger(opened, plan, Verdict.from_json(verdict), page.card)
    outcome = str(verdict["outcome"])
    promotion.name_challenger(opened, manifest.version, outcome, who="flow:retrain", now=datetime.now(UTC))
    create_markdown_artifact(page.markdown, key="retrain-report", description=f"{project}: {manifest.version}")
    return manifest.version


@task(name="ask a person", timeout_seconds=120, retry_condition_fn=is_transient, **RETRIES)
def ask_approval(project: str, key: str, verdict: dict[str, JsonValue]) -> str | None:
    """Leave the version waiting where a person has the last word; return what it waits for, in words, or None."""
    opened = project_of(project)
    plan = load_plan(opened, key)
    request = approval.ask_approval(opened, plan, Verdict.from_json(verdict), now=datetime.now(UTC))
    if request is None:
        return None
    standing = approval.Standing(request, None, "waiting").describe()
    create_markdown_artifact(
        render_request(request.version, standing, request.reasons), key="waiting-for-approval", description=standing
    )
    return standing


@task(name="look for an earlier verdict", timeout_seconds=120, retry_condition_fn=is_transient, **RETRIES)
def find_result(project: str, key: str, seen: Move | None) -> dict[str, JsonValue] | None:
    """Return what this retrain came to before against this champion, or None."""
    return retrain_log.find_result(project_of(project).store, key, seen.seq if seen else 0)


@task(name="keep the result", timeout_seconds=120, retry_condition_fn=is_transient, **RETRIES)
def keep_result(project: str, key: str, seen: Move | None, result: dict[str, JsonValue]) -> None:
    """Keep what this retrain came to, for whoever starts it again."""
    retrain_log.keep_result(project_of(project).store, key, seen.seq if seen else 0, result)


@task(name="move the champion", timeout_seconds=120, retry_condition_fn=is_transient, **RETRIES)
def promote(
    project: str, key: str, verdict: dict[str, JsonValue], seen: Move | None, ticket: Ticket | None = None
) -> dict[str, Any]:
    """Make the challenger the champion, if nobody moved it since it was seen or went on in this run's place."""
    opened = project_of(project)
    plan = load_plan(opened, key)
    if ticket is not None:
        ensure_held(opened.store, ticket)
    move = promotion.promote(
        opened, plan, Verdict.from_json(verdict), seen=seen, who="flow:retrain", now=datetime.now(UTC)
    )
    return asdict(move)


@task(name="promote by hand", timeout_seconds=120, retry_condition_fn=is_transient, **RETRIES)
def promote_by_hand(project: str, version: str, who: str, why: str, despite_rollback: bool) -> dict[str, Any]:
    """Make a version the champion, whatever the gate said of it."""
    made = overrides.promote_by_hand(
        project_of(project), version, who=who, why=why, now=datetime.now(UTC), despite_rollback=despite_rollback
    )
    return asdict(made.move)


@task(name="roll back", timeout_seconds=120, retry_condition_fn=is_transient, **RETRIES)
def roll_back(project: str, who: str, why: str) -> dict[str, Any]:
    """Make the version before the champion once more."""
    move = rollback(project_of(project).registry, CHAMPION, who=who, why=why, now=datetime.now(UTC))
    return asdict(move)


@task(name="watch the champion", timeout_seconds=600, retry_condition_fn=is_transient, **RETRIES)
def watch_champion(project: str) -> dict[str, Any]:
    """Roll the champion back where its answers to live traffic are odd."""
    found = watch.watch_champion(project_of(project), now=datetime.now(UTC))
    return asdict(found)
