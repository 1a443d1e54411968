"""`fsl models curves`: the curves of the fits that a version came from, as files that TensorBoard reads."""

import shlex
from pathlib import Path
from typing import Annotated

from fsl import console
from fsl.commands.models_moves import VERSION
from fsl.console import Reply, line, show
from fsl.runs.curves import fetch_curves
from fsl.store.registry import load_manifest
from fsl.workspace import find_workspace

FOLDER = "curves"  # in .fsl/


def curves(version: Annotated[str, VERSION], as_json: Annotated[bool, console.AS_JSON] = False) -> None:
    """Fetch the losses, learning rates and tune scores of a version's fits, for TensorBoard."""
    workspace = find_workspace(Path.cwd())
    folder = workspace.state / FOLDER
    with workspace.open() as project:
        manifest = load_manifest(project.registry, version)
        found = fetch_curves(project, str(manifest.facts.get("retrain_key")), folder / manifest.version)
    facts = {"version": manifest.version, "files": [str(path) for path in found]}
    if not found:
        words = (
            f"no curves of {version} are there: `learning.tracking` names another or none, the worker had no "
            f"tensorboard (pip install 'fsl[tensorboard]'), or its run was cleaned away"
        )
        show(Reply(facts, [line(words)], [f"fsl models why {manifest.version}"]), as_json=as_json)
        return
    shown = [line(f"wrote {path}") for path in found]
    show(Reply(facts, shown, [f"tensorboard --logdir {shlex.quote(str(folder))}"]), as_json=as_json)
