"""The Prefect task that tells people of surges: by the notification block that the config names, and as a JSON line."""

import json
import logging
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from prefect import task

from fsl.drift.surges.surges import Surge, find_surges
from fsl.drift.windows.reading import read_latest
from fsl.store.aliases import CHAMPION, current_move
from tasks.resources import RETRIES, is_transient, project_of

_log = logging.getLogger(__name__)
N_ROWS = 2000  # history and latest rows together
SINCE = datetime(2000, 1, 1, tzinfo=UTC)


@task(name="look for surges", timeout_seconds=600, retry_condition_fn=is_transient, **RETRIES)
def alert_surges(project: str) -> list[dict[str, Any]]:
    """Look at the champion's latest rows, and tell of every surge."""
    opened = project_of(project)
    move = current_move(opened.registry, CHAMPION)
    if move is None:
        return []
    rows = read_latest(opened.store, opened.problem, version=move.version, since=SINCE, n_rows=N_ROWS)
    found = find_surges(rows, opened.config.surges)
    for surge in found:
        _log.warning("%s", as_line(project, surge))
    if found and opened.config.surges.block:
        send(opened.config.surges.block, project, found)
    return [asdict(surge) for surge in found]


def as_line(project: str, surge: Surge) -> str:
    """Return one JSON line."""
    return json.dumps({"event": "fsl.surge", "project": project, **asdict(surge)}, ensure_ascii=False)


def send(block: str, project: str, found: tuple[Surge, ...]) -> None:
    """Send one message by a notification block; a receiver that is away does not stop the flow."""
    from prefect.blocks.core import Block

    body = "\n\n".join("\n".join([one.words, *(f"- {text}" for text in one.texts)]) for one in found)
    try:
        loaded: Any = Block.load(block)
        loaded.notify(body, subject=f"{project}: {len(found)} surges")
    except Exception as error:  # a block is the user's own, and may raise anything
        _log.warning("the notification block %s could not send: %s", block, error)
