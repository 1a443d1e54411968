"""`fsl models why` and `fsl models diff`: what the run's page says, in the terminal."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import RenderableType

from fsl import console
from fsl.commands.report_lines import change_lines, flip_lines, origin_lines, score_lines, verdict_lines
from fsl.console import Reply, line, show
from fsl.evaluation.jsonable import to_json
from fsl.evaluation.report.record import RunReport
from fsl.evaluation.ruling.verdict import Verdict
from fsl.pages.words import sentence
from fsl.project import Project
from fsl.promotion.approval import find_standing
from fsl.promotion.version_diff import VersionDiff, compare_versions
from fsl.runs.run_page import load_report
from fsl.store.registry import load_manifest
from fsl.workspace import find_workspace


def why_model(
    version: Annotated[str, typer.Argument(help="A version, as `fsl models ls` names it.")],
    as_json: Annotated[bool, console.AS_JSON] = False,
) -> None:
    """Say why a version was or was not promoted: verdict, scores, what changed, and what it was made from."""
    with find_workspace(Path.cwd()).open() as project:
        verdict, report = _load(project, version)
        standing = find_standing(project, version, now=datetime.now(UTC))
    facts: dict[str, Any] = {"verdict": verdict.to_json(), "report": report.to_json() if report else None}
    lines: list[RenderableType] = [*verdict_lines(verdict)]
    if standing is not None:
        facts["approval"] = {"state": standing.state, "sentence": standing.describe()}
        lines.append(line(sentence(standing.describe())))
    if report is None:
        lines += ["", line("the record of its retrain is not there any more, so only the verdict is left")]
    else:
        lines += _report_lines(report)
    following = [f"fsl models show {version}"]
    if verdict.champion is not None:
        following.insert(0, f"fsl models diff {verdict.champion} {version}")
    if standing is not None and standing.state == "waiting":
        following = [f'fsl models {verb} {version} --reason "…"' for verb in ("approve", "refuse")] + following
    show(Reply(facts, lines, following), as_json=as_json)


def diff_models(
    before: Annotated[str, typer.Argument(help="A version.")],
    after: Annotated[str, typer.Argument(help="The version to compare it with.")],
    as_json: Annotated[bool, console.AS_JSON] = False,
) -> None:
    """Compare two versions on the same judge rows: scores, confusion, flipped texts. Nothing is changed."""
    with find_workspace(Path.cwd()).open() as project:
        found = compare_versions(project, before, after)
        kind = project.problem.kind
    show(Reply(to_json(found), _diff_lines(found, kind), [f"fsl models why {after}"]), as_json=as_json)


def _load(project: Project, version: str) -> tuple[Verdict, RunReport | None]:
    """Return a version's verdict, and the record of its retrain; the record's own verdict is the later one."""
    facts = load_manifest(project.registry, version).facts
    report = load_report(project, str(facts.get("retrain_key")))
    return report.verdict if report else Verdict.from_json(facts.get("verdict")), report


def _report_lines(report: RunReport) -> list[RenderableType]:
    versions = [("champion", report.champion), ("challenger", report.challenger)]
    lines = [
        *score_lines(versions, kind=report.facts.kind),
        *change_lines(report.confusions, report.forgetting, "champion", "challenger"),
    ]
    if report.verdict.champion is not None:
        names = ("champion", "challenger")
        lines += flip_lines("right before, wrong now", report.became_wrong, report.n_became_wrong, *names)
        lines += flip_lines("wrong before, right now", report.became_right, report.n_became_right, *names)
    return [*lines, *origin_lines(report)]


def _diff_lines(found: VersionDiff, kind: str) -> list[RenderableType]:
    before, after = found.before.version, found.after.version
    how = "scored now, as no retrain compared them" if found.is_new else "as a retrain scored them"
    return [
        line(f"{before}, then {after}, on {found.n_judge_rows:,} judge rows ({how})"),
        *score_lines([(before, found.before), (after, found.after)], kind=kind),
        *change_lines(found.confusions, found.forgetting, before, after),
        *flip_lines("right before, wrong now", found.became_wrong, len(found.became_wrong), before, after),
        *flip_lines("wrong before, right now", found.became_right, len(found.became_right), before, after),
        "",
        line("what the gate would say on these rows alone:"),
        *verdict_lines(found.verdict),
    ]
