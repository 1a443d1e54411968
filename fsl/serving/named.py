"""Bundles by name: a version, or the one that an alias names, of the project around the working folder.

The registry and what it needs stand here, so that a predictor of a folder needs none of it.
"""

from pathlib import Path

from fsl.store.aliases import current_move
from fsl.store.registry import fetch_version
from fsl.workspace import find_workspace


def fetch_named(name: str, start: Path) -> Path:
    """Return the cached folder of an alias's version, or of a version, every digest checked.

    Raises:
        NoWorkspace: there is no project at or above `start`.
        NoSuchVersion: it has neither such an alias nor such a version.
    """
    with find_workspace(start).open() as project:
        move = current_move(project.registry, name)
        if move is None:
            return fetch_version(project.registry, name, project.cache)
        return fetch_version(project.registry, move.version, project.cache, manifest=move.manifest)
