"""`fsl data forget`: rows that somebody asked to have forgotten, looked for, removed, and what is still due.

Where the champion learnt from them, its head is fitted anew to the rows that are left, and judged like any version.
"""

import getpass
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from rich.console import RenderableType

from fsl import console
from fsl.console import Reply, line, show, table
from fsl.data.forgetting.due import list_due, versions_that_saw
from fsl.data.forgetting.forget import Forgotten, forget, survey, sweep
from fsl.data.forgetting.here import UNREACHED, clean_cache, find_leftovers
from fsl.data.forgetting.selection import build_selection
from fsl.errors import FslError
from fsl.project import Project
from fsl.store.aliases import CHAMPION, current_move
from fsl.workspace import Workspace, find_workspace


def forget_rows(
    ids: Annotated[Path | None, typer.Option(help="A file of row ids, one to a line, or `file:line`.")] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(help='"text contains …", "text = …", "label = …" or "source = …"; several must all hold.'),
    ] = None,
    source: Annotated[
        list[str] | None, typer.Option(help="All rows of a file, by the name it was dropped under.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say where the rows lie. The default.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Remove them. It cannot be undone.")] = False,
    status: Annotated[bool, typer.Option("--status", help="Say what was forgotten, and what is still due.")] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Search once more for all that was ever forgotten, here and in the store.")
    ] = False,
    refit: Annotated[
        bool, typer.Option(help="With --yes: where the champion learnt from them, fit and judge a new head.")
    ] = True,
    as_json: Annotated[bool, console.AS_JSON] = False,
) -> None:
    """Forget rows on request: list every place where they lie, and with --yes remove them there."""
    if dry_run and yes:
        raise typer.BadParameter("--dry-run and --yes contradict each other")
    selection = None if status or again else build_selection(tuple(where or ()), tuple(source or ()), ids)
    workspace, learnt = find_workspace(Path.cwd()), False
    with workspace.open() as project:
        if status:
            reply = _status(project)
        elif selection is None:
            reply = _removed(project, sweep(project.store, project.config), again=True)
        elif yes:
            who, now = f"person:{getpass.getuser()}", datetime.now(UTC)
            done = forget(project.store, project.config, selection, who=who, now=now)
            reply, learnt = _removed(project, done), _champion_saw(project, done)
        else:
            reply = _surveyed(survey(project.store, project.config, selection), _command(where, source, ids))
    if learnt and refit:
        reply = _refitted(reply, workspace)
    show(reply, as_json=as_json)


def _champion_saw(project: Project, done: Forgotten) -> bool:
    move = current_move(project.registry, CHAMPION)
    if move is None or done.tombstone is None:
        return False
    return move.version in versions_that_saw(project, done.tombstone)


def _refitted(reply: Reply, workspace: Workspace) -> Reply:
    """Fit a head without the rows to the champion's encoder. What keeps it from serving is told, and undoes nothing."""
    from flows.handwork import prepare, retrain_now

    try:
        made = retrain_now(prepare(workspace), "rows were asked to be forgotten", head_only=True)
    except FslError as error:
        made = {"version": None, "outcome": "failed", "reasons": [str(error)]}
    reasons = made["reasons"] if isinstance(made["reasons"], list) else []
    shown = [line(f"\na new head, fitted without them, {made['version'] or ''}: {made['outcome']}")]
    shown += [line(f"  {one}") for one in reasons]
    if made["outcome"] == "promote":
        shown.append(line("it serves now; its encoder is the one before, so the deadline for `fsl retrain` stays"))
    facts = {**cast(dict[str, Any], reply.facts), "refit": made}
    return Reply(facts, [*reply.shown, *shown], reply.next_commands)


def _surveyed(found: Forgotten, command: str) -> Reply:
    facts = {**_facts(found), "removed": False}
    if not found.n_texts:
        words = "no row is meant by that. What was forgotten before is told by `fsl data forget --status`"
        return Reply(facts, [line(words)], ["fsl data forget --status"])
    shown: list[RenderableType] = [
        line(
            f"{found.n_texts} texts are meant; wherever they lie, in any case and punctuation, they would be removed:"
        ),
        _places(found),
        *_unread(found),
        line("\nnothing was changed. What is left of a dropped file is kept as JSON Lines; this cannot be undone."),
    ]
    return Reply(facts, shown, [f"{command} --yes"])


def _removed(project: Project, done: Forgotten, *, again: bool = False) -> Reply:
    cached = clean_cache(project.store, project.config, project.cache)
    due = [one for one in list_due(project) if one.versions]
    facts = {
        **_facts(done),
        "removed": done.tombstone is not None,
        "tombstone": done.tombstone.seq if done.tombstone else None,
        "cached_files_removed": len(cached),
        "leftovers": [str(path) for path in find_leftovers()],
        "versions_that_saw": sorted({version for one in due for version in one.versions}),
        "unreached": list(UNREACHED),
    }
    if done.tombstone is None and not again:
        return Reply(facts, [line("no row is meant by that, so nothing was changed")], ["fsl data forget --status"])
    shown: list[RenderableType] = [line("nothing was found that had to go")]
    if done.found:
        shown = [line("forgotten, and every old version of these objects with it:"), _places(done)]
    shown += [*_unread(done), line(f"\n{len(cached)} files of this machine's cache were removed")]
    shown += [line(f"look at {path}: an ingest that was killed left it") for path in find_leftovers()]
    shown += _due_lines(due)
    shown.append(line("\nthis could not be reached:"))
    shown += [line(f"  {what}") for what in UNREACHED]
    return Reply(facts, shown, ["fsl retrain", "fsl data forget --status"] if due else ["fsl data forget --status"])


def _status(project: Project) -> Reply:
    now, move = datetime.now(UTC), current_move(project.registry, CHAMPION)
    champion = move.version if move else None
    due = list_due(project)
    facts = [
        {
            "tombstone": one.tombstone.seq,
            "why": one.tombstone.why,
            "asked": one.tombstone.asked.isoformat(),
            "who": one.tombstone.who,
            "texts": len(one.tombstone.texts),
            "finished": one.is_finished,
            "deadline": one.deadline.isoformat(),
            "overdue": one.is_over(now) and champion in one.versions,
            "versions": list(one.versions),
            "champion": champion if champion in one.versions else None,
        }
        for one in due
    ]
    if not facts:
        return Reply(facts, [line("nothing was ever asked to be forgotten here")], ["fsl data forget --help"])
    rows = [
        (
            *(fact["tombstone"], str(fact["asked"])[:16], fact["who"], fact["texts"]),
            "" if fact["finished"] else "not finished",
            ", ".join(map(str, one.versions)) or "none",
            f"{one.deadline:%Y-%m-%d}" if one.versions else "",
        )
        for fact, one in zip(facts, due, strict=True)
    ]
    columns = ["#", "asked (UTC)", "who", "#texts", "", "versions that saw them", "deadline"]
    shown: list[RenderableType] = [table(columns, rows)]
    serving = [one for one in due if champion in one.versions]
    if serving:
        late = any(one.is_over(now) for one in serving)
        first = min(one.deadline for one in serving)
        words = "is over: the gate refuses it from now on" if late else f"is {first:%Y-%m-%d}"
        shown.append(line(f"\nthe champion {champion} still knows them, and the deadline {words}"))
    unfinished = not all(one.is_finished for one in due)
    following = ["fsl retrain"] if serving else []
    return Reply(facts, shown, [*(["fsl data forget --again"] if unfinished else []), *(following or ["fsl data ls"])])


def _due_lines(due: Sequence[Any]) -> list[RenderableType]:
    if not due:
        return [line("no registered version learnt from them")]
    versions = sorted({version for one in due for version in one.versions})
    deadline = min(one.deadline for one in due)
    return [
        line(f"\nthese versions learnt from forgotten rows: {', '.join(versions)}"),
        line(f"retrain before {deadline:%Y-%m-%d}; after it the gate refuses them"),
    ]


def _places(found: Forgotten) -> RenderableType:
    n_rows, n_objects = Counter[str](), Counter[str]()
    for one in found.found:
        n_objects[one.place] += 1
        n_rows[one.place] += one.n_rows
    return table(["place", "#objects", "#rows"], [(place, n_objects[place], n_rows[place]) for place in n_objects])


def _unread(found: Forgotten) -> list[RenderableType]:
    return [line(f"look yourself: {words}") for words in found.unread]


def _facts(found: Forgotten) -> dict[str, Any]:
    objects = [{"place": one.place, "key": one.key, "rows": one.n_rows} for one in found.found]
    return {"texts": found.n_texts, "objects": objects, "not_searched": list(found.unread)}


def _command(where: Sequence[str] | None, source: Sequence[str] | None, ids: Path | None) -> str:
    parts = [f'--where "{one}"' for one in where or ()] + [f"--source {one}" for one in source or ()]
    return " ".join(["fsl data forget", *parts, *([f"--ids {ids}"] if ids else [])])
