"""Out of scope: which score tells texts that no label fits, on CLINC150, and what the limits do as served.

Heads and means are of a few train rows for each of 150 intents, on vectors of the packaged encoder. The validation file
is the tune rows: it chooses the head's strength, the limits, and the score that ships; test rows are scored once.
"""

import json
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.cells import Facts, machine, run_cell
from bench.parts.drift.texts import load_texts
from bench.parts.public_data import OUT_OF_SCOPE, data_folder, embed_texts, not_measured

SHOTS = (10, 50)
SEEDS = range(5)
RECALL = 0.95
SHIPS = "distance to the nearest mean"

Floats = NDArray[np.float64]


def run(*, quick: bool) -> str:
    """Measure every cell and return the section of docs/benchmarks.md."""
    if not (data_folder() / "clinc150").is_dir():
        return not_measured("Out of scope", data_folder() / "clinc150")
    shots, seeds, n_labels = ((5,), range(1), 4) if quick else (SHOTS, SEEDS, None)
    cells: dict[tuple[int, int], Facts] = {}
    for n_shots in shots:
        for seed in seeds:
            measure = lambda n=n_shots, s=seed: measure_draw(n, s, n_labels)  # noqa: E731
            cells[n_shots, seed] = measure() if quick else run_cell("scope", f"clinc150-{n_shots}-{seed}", measure)
    return section(cells, machine())


def measure_draw(n_shots: int, seed: int, n_labels: int | None) -> Facts:
    """Return what every score does on tune and test rows, and what the limits do on test rows."""
    from fsl.config import ServingConfig
    from fsl.export.limits import write_head
    from fsl.learning.refitting import LabelledVectors, refit_head
    from fsl.serving.sessions import open_graph

    files = {name: _read(name) for name in ("train", "dev", "test")}
    labels = sorted({label for _, label in files["train"]} - {OUT_OF_SCOPE})[:n_labels]
    asked = {name: [row for row in rows if row[1] in {*labels, OUT_OF_SCOPE}] for name, rows in files.items()}
    generator = np.random.default_rng(seed)
    by_label = {label: [row for row in asked["train"] if row[1] == label] for label in labels}
    drawn = [rows[place] for rows in by_label.values() for place in generator.permutation(len(rows))[:n_shots]]
    known_texts = _vectors(None if n_labels is None else tuple(text for rows in asked.values() for text, _ in rows))

    def look(rows: Sequence[tuple[str, str]]) -> LabelledVectors:
        vectors = np.stack([known_texts[text.casefold()] for text, _ in rows])
        targets = np.array([labels.index(label) if label in labels else -1 for _, label in rows])
        return LabelledVectors(vectors, targets, np.arange(len(rows)))

    train, tune, test = look(drawn), look(asked["dev"]), look(asked["test"])
    known = LabelledVectors(*(part[tune.targets >= 0] for part in (tune.vectors, tune.targets, tune.texts)))
    head = refit_head(train, known, len(labels), seed=seed)
    scores = {name: compute_scores(train, head, rows.vectors) for name, rows in (("tune", tune), ("test", test))}
    served: dict[str, Any] = {}
    for name, serving in (
        ("scope_recall: 0.95", ServingConfig(scope_recall=RECALL)),
        ("max_error_when_answering: 0.05", ServingConfig(max_error_when_answering=0.05)),
        ("both", ServingConfig(scope_recall=RECALL, max_error_when_answering=0.05)),
    ):
        with tempfile.TemporaryDirectory() as scratch:
            limits = write_head(Path(scratch), head, train, known, serving, half=True).limits
            session = open_graph(Path(scratch), "head.onnx", 1)
            probabilities, scopes = session.run(["probabilities", "scope"], {"embeddings": test.vectors})
        given = np.array(
            [limits.reason(float(p), float(s)) is None for p, s in zip(probabilities.max(axis=1), scopes, strict=True)]
        )
        inside, right = test.targets >= 0, probabilities.argmax(axis=1) == test.targets
        served[name] = {
            "known_answered": float(given[inside].mean()),
            "wrong_of_known": float(1 - right[given & inside].mean()),
            "outside_answered": float(given[~inside].mean()),
        }
    right = np.argmax(head.logits(test.vectors), axis=1) == test.targets
    return {
        "accuracy": float(right[test.targets >= 0].mean()),
        "scores": {
            name: {
                part: _told(scores[part][name], rows.targets >= 0) for part, rows in (("tune", tune), ("test", test))
            }
            for name in scores["test"]
        },
        "served": served,
    }


def compute_scores(train: Any, head: Any, vectors: NDArray[np.float32]) -> Mapping[str, Floats]:
    """Return every score that was tried, each the higher the nearer to what is known.

    Sources: Hendrycks and Gimpel 2017, arXiv:1610.02136 (largest probability); Liu et al. 2020, arXiv:2010.03759
    (energy); Lee et al. 2018, arXiv:1807.03888 (Mahalanobis); Ren et al. 2021, arXiv:2106.09022 (relative).
    """
    from scipy.special import logsumexp, softmax

    from fsl.export.limits import label_means

    logits, means = head.logits(vectors) / head.temperature, label_means(train).astype(np.float64)
    _, own = np.unique(train.targets, return_inverse=True)
    centre = train.vectors.mean(axis=0, dtype=np.float64)[None]
    near = _distances(vectors, means, _precision(train.vectors - means[own], len(train.targets) - len(means)))
    far = _distances(vectors, centre, _precision(train.vectors - centre, len(train.targets) - 1))
    plain = _distances(vectors, means, np.eye(vectors.shape[1]))
    return {
        "largest probability": softmax(logits, axis=1).max(axis=1),
        "energy": logsumexp(logits, axis=1),
        "cosine to the nearest mean": (vectors @ (means / np.linalg.norm(means, axis=1, keepdims=True)).T).max(axis=1),
        "Mahalanobis distance, shared precision": -near.min(axis=1),
        "relative Mahalanobis distance": -(near - far).min(axis=1),
        SHIPS: -plain.min(axis=1),
    }


def _precision(residuals: NDArray[np.floating], freedom: int) -> Floats:
    from sklearn.covariance import ledoit_wolf

    covariance, _ = ledoit_wolf(np.asarray(residuals, np.float64), assume_centered=True)
    return np.asarray(np.linalg.inv(covariance * len(residuals) / max(1, freedom)))


def _distances(vectors: NDArray[np.float32], means: Floats, precision: Floats) -> Floats:
    root = np.linalg.cholesky(precision)
    ours, theirs = vectors @ root, means @ root
    lengths = np.square(ours).sum(axis=1)[:, None] + np.square(theirs).sum(axis=1)[None]
    return np.asarray(lengths - 2 * ours @ theirs.T)


def _told(scores: Floats, inside: NDArray[np.bool_]) -> Facts:
    from fsl.evaluation.examination.abstention import separate

    limit = np.quantile(scores[inside], 1 - RECALL, method="lower")
    area = separate(scores[inside].tolist(), scores[~inside].tolist()).auroc
    return {"auroc": area, "accepted": float((scores[~inside] >= limit).mean())}


@cache
def _vectors(texts: tuple[str, ...] | None) -> Mapping[str, NDArray[np.float32]]:
    """Return each text's vector, by its case-folded form; those of the whole set lie in the drift bench's cache."""
    if texts is None:
        whole = load_texts("clinc150")
        return {text.casefold(): vector for text, vector in zip(whole.texts, whole.vectors, strict=True)}
    folded = dict.fromkeys(text.casefold() for text in texts)
    return dict(zip(folded, embed_texts(list(folded)), strict=True))


def _read(split: str) -> list[tuple[str, str]]:
    lines = (data_folder() / "clinc150" / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()
    return [(row["text"], row["label"]) for row in map(json.loads, lines)]


def section(cells: Mapping[tuple[int, int], Facts], where: str) -> str:
    """Return the section for docs/benchmarks.md; with several draws, mean and range."""
    lines = [
        "## Out of scope",
        "",
        "`python -m bench scope`",
        "",
        "CLINC150: 150 intents, tune rows its validation file (3,000, and 100 out of scope), test rows 4,500 and 1,000 "
        "out of scope. Vectors of the packaged encoder, so many train rows for each intent, "
        f"{len({seed for _, seed in cells})} draws: mean, lowest to highest. Machine: {where}. The score that ships "
        "was chosen by its area on tune rows.",
        "",
        "| rows | score | area (AUROC), tune | area, test | out of scope answered at 95% recall, tune | test |",
        "|---|---|---|---|---|---|",
    ]
    for shots in dict.fromkeys(n for n, _ in cells):
        draws = [cell for (n, _), cell in cells.items() if n == shots]
        for name in draws[0]["scores"]:
            found = [draw["scores"][name] for draw in draws]
            columns = [_spread([one[part]["auroc"] for one in found], "{:.3f}") for part in ("tune", "test")] + [
                _spread([one[part]["accepted"] for one in found], "{:.1%}") for part in ("tune", "test")
            ]
            shown = f"**{name}**" if name == SHIPS else name
            lines.append(f"| {shots} | {shown} | {' | '.join(columns)} |")
    lines += [
        "",
        "As served, on test rows; the limits were chosen on tune rows, without any that is out of scope:",
        "",
        "| rows | `serving` | known texts answered | wrong among these | out of scope answered |",
        "|---|---|---|---|---|",
    ]
    for shots in dict.fromkeys(n for n, _ in cells):
        draws = [cell for (n, _), cell in cells.items() if n == shots]
        wrong = _spread([1 - draw["accuracy"] for draw in draws], "{:.1%}")
        lines.append(f"| {shots} | no limits | 100.0% | {wrong} | 100.0% |")
        for name in draws[0]["served"]:
            found = [draw["served"][name] for draw in draws]
            columns = [
                _spread([one[key] for one in found], "{:.1%}")
                for key in ("known_answered", "wrong_of_known", "outside_answered")
            ]
            lines.append(f"| {shots} | {name} | {' | '.join(columns)} |")
    return "\n".join([*lines, ""])


def _spread(values: Sequence[float], form: str) -> str:
    mean = form.format(sum(values) / len(values))
    return mean if len(values) == 1 else f"{mean} ({form.format(min(values))} to {form.format(max(values))})"
