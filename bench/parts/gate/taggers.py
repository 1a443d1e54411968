"""Two real taggers for the gate's bench: what each answers to the test texts of a public data set, as spans.

Each is a head on word vectors of the packaged encoder, fitted to texts drawn by its own seed.
"""

import json

import numpy as np
from numpy.typing import NDArray

from bench.cells import Facts
from bench.parts.public_data import data_folder
from fsl.evaluation.scores.records import RowScore, ScoreSheet
from fsl.problems import find_problem
from fsl.problems.tagging import spans_of

TAGGING = find_problem("tagging")


def measure_taggers(name: str, *, n_train: int, n_test: int) -> Facts:
    """Fit two taggers and return the true spans and both answers, by text."""
    from sklearn.linear_model import LogisticRegression

    from fsl.config import EncoderConfig
    from fsl.learning.encoders import embed, load_encoder

    encoder = load_encoder(EncoderConfig(), role="student", unit="word")
    reader = encoder.reader("word")
    train, test = _read(name, "train"), _read(name, "test")[:n_test]
    labels = sorted({span[2] for _, spans in (*train, *test) for span in spans})
    outputs = TAGGING.outputs(labels)
    encoded = reader.read([text for text, _ in test])
    vectors, ends = embed(encoder.network, reader, encoded), np.cumsum([len(one.units) for one in encoded])
    answers = []
    for seed in (0, 1):
        chosen = np.random.default_rng(seed).choice(len(train), min(n_train, len(train)), replace=False)
        shown = reader.read([train[row][0] for row in chosen])
        targets = [
            TAGGING.unit_targets(train[row][1], one.units, outputs) for row, one in zip(chosen, shown, strict=True)
        ]
        head = LogisticRegression(C=1.0, max_iter=100)
        head.fit(embed(encoder.network, reader, shown), np.concatenate(targets))
        tags: NDArray[np.int64] = head.predict(vectors)
        parts = np.split(tags, ends[:-1])
        answers.append(
            [
                [list(span) for span in spans_of([outputs[int(tag)] for tag in part], one.units)]
                for part, one in zip(parts, encoded, strict=True)
            ]
        )
    return {"name": name, "labels": labels, "truth": [spans for _, spans in test], "answers": answers}


def sheets_of(facts: Facts) -> tuple[ScoreSheet, ScoreSheet]:
    """Return both taggers' answers as the gate takes them."""
    first, second = (
        ScoreSheet(
            f"tagger {index}",
            tuple(facts["labels"]),
            tuple(
                RowScore(f"{row:06d}", truth, answer, 0.9, TAGGING.is_correct(truth, answer))
                for row, (truth, answer) in enumerate(zip(facts["truth"], answers, strict=True))
            ),
            1.0,
            2.0,
            1,
        )
        for index, answers in enumerate(facts["answers"])
    )
    return first, second


def _read(name: str, split: str) -> list[tuple[str, list[list[object]]]]:
    """Return texts with their spans, labels without what stands behind the first underscore."""
    lines = (data_folder() / name / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()
    found = []
    for row in map(json.loads, lines):
        ends = np.cumsum([len(token) + 1 for token in row["tokens"]]) - 1
        units = [(int(end) - len(token), int(end)) for token, end in zip(row["tokens"], ends, strict=True)]
        tags = [tag.partition("_")[0] for tag in row["tags"]]
        found.append((" ".join(row["tokens"]), [list(span) for span in spans_of(tags, units)]))
    return found
