"""`fsl explain`: the words that carried an answer, and the training rows nearest to the text."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.text import Text

from fsl import console
from fsl.console import Reply, inert, line, show, table
from fsl.explaining.explainer import load_explainer
from fsl.explaining.page import MEANING, SPEAKS, SPEAKS_LOUDLY
from fsl.explaining.record import Explanation, WordWeight
from fsl.serving.replay import NothingServes
from fsl.store.aliases import CHAMPION, current_move
from fsl.store.registry import fetch_version, load_manifest
from fsl.workspace import find_workspace


def explain(
    text: Annotated[str, typer.Argument(help="The text to explain the answer to.")],
    version: Annotated[str | None, typer.Option(help="A version; the champion by default.")] = None,
    as_json: Annotated[bool, console.AS_JSON] = False,
) -> None:
    """Say why a text gets its answer: the words that carried it, and the nearest training rows."""
    with find_workspace(Path.cwd()).open() as project:
        manifest = None
        if version is None:
            move = current_move(project.registry, CHAMPION)
            if move is None:
                raise NothingServes(project.name)
            version, manifest = move.version, move.manifest
        snapshot = str(load_manifest(project.registry, version).facts.get("snapshot"))
        folder = fetch_version(project.registry, version, project.cache, manifest=manifest)
        found = load_explainer(project, folder, snapshot).explain(text)
    facts = {"version": version, **asdict(found), "words": [_as_facts(text, word) for word in found.words]}
    show(Reply(facts, [*_shown(found, version)], [f"fsl models why {version}"]), as_json=as_json)


def _as_facts(text: str, word: WordWeight) -> dict[str, object]:
    return {**asdict(word), "text": text[word.start : word.end]}


def _shown(found: Explanation, version: str) -> list[RenderableType]:
    rows = [(one.text, one.target, f"{one.similarity:.2f}") for one in found.neighbours]
    of_all = f"{found.n_searched:,} of {found.n_train:,}" if found.n_searched < found.n_train else f"{found.n_train:,}"
    return [
        line(f"{version} answers {found.answer}, {100 * found.confidence:.1f}% sure"),
        "",
        _marked(found),
        line(MEANING),
        "",
        line("words that moved the answer most, in points:"),
        table(["word", "#weight"], _strongest(found)),
        "",
        line(f"nearest of {of_all} training rows:"),
        table(["training row", "label", "#cosine"], rows),
    ]


def _strongest(found: Explanation) -> list[tuple[str, str]]:
    ranked = sorted(found.words, key=lambda word: -abs(word.weight))[:8]
    return [(found.text[word.start : word.end], f"{100 * word.weight:+.1f}") for word in ranked]


def _marked(found: Explanation) -> Text:
    """Return the text with its words in colour; what they weigh stands in the table too."""
    shown, last = Text(), 0
    for word in found.words:
        shown.append(inert(found.text[last : word.start]))
        colour = "" if not abs(word.weight) >= SPEAKS else "green" if word.weight > 0 else "red"
        bold = "bold " if abs(word.weight) >= SPEAKS_LOUDLY else ""
        shown.append(inert(found.text[word.start : word.end]), style=f"{bold}{colour}".strip())
        last = word.end
    shown.append(inert(found.text[last:]))
    return shown
