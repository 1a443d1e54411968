"""`fsl models watch`: one look at the new champion, which gives its place back where its answers are odd."""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from fsl import console
from fsl.console import Reply, line, show
from fsl.workspace import find_workspace


def watch(as_json: Annotated[bool, console.AS_JSON] = False) -> None:
    """Compare the new champion's answers with those of the version before; roll back where they are odd."""
    from fsl.promotion.watch import Watch, watch_champion

    with find_workspace(Path.cwd()).open() as project:
        found = watch_champion(project, now=datetime.now(UTC))
    subject = f"{found.version} against {found.against}" if found.against else found.version or "no champion"
    shown = [line(f"{found.state}: {subject}, {found.n_rows} rows"), *(line(f"  {one}") for one in found.reasons)]
    following = ["fsl models log"] if found.state is Watch.ROLLED_BACK else []
    show(Reply(asdict(found), shown, following), as_json=as_json)
