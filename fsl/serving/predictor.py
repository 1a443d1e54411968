"""The predictor: from texts to answers with numpy, onnxruntime and tokenizers alone.

The gate judges through it and the server serves through it, so what is judged is what is served. Dynamic int8 takes
its scale from the whole batch, so an answer could depend on its batch-mates: an int8 bundle runs text by text unless
export measured that its answers do not.
"""

import math
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from fsl.problems import find_problem
from fsl.problems.base import Answer, Problem
from fsl.serving.abstention import Reason
from fsl.serving.bundle import ENCODER, FACTS, HEAD, TOKENIZER, BundleFacts, read_facts
from fsl.serving.errors import BundleDamaged, UnreadableText
from fsl.serving.sessions import open_graph, runs_on_cpu
from fsl.tokenization import Encoded, TextReader, join_windows, windows_of

_INPUTS = {"input_ids", "attention_mask"}
SCOPE = "scope"
# Of one batch on a CPU, padding included, for each thread: what they become then stays in its cache. Measured with
# MiniLM-L6 on 1 MiB: batches of 32 texts take half as long again, at 16 tokens a text as at 40.
TOKENS_TOGETHER = 160


@dataclass(frozen=True, slots=True)
class Prediction:
    """An answer, with the text's embedding for the prediction log."""

    answer: Answer  # the best that there is, also where it is not given
    embedding: NDArray[np.float32]  # (hidden,): the text's vector, or the mean of its words'
    abstained: Reason | None = None  # why the answer is not given
    scope: float | None = None  # minus the squared distance to the nearest label's mean; None: not known

    @property
    def given(self) -> JsonValue:
        """The answer as a caller gets it: None where the predictor abstains."""
        return None if self.abstained else self.answer.target


class Predictor:
    """A loaded bundle."""

    def __init__(self, facts: BundleFacts, reader: TextReader, encoder: Any, head: Any) -> None:
        self.facts = facts
        self.problem: Problem = find_problem(facts.problem)
        self.outputs = self.problem.outputs(facts.labels)
        self.reader = reader
        self._encoder = encoder
        self._head = head
        self.knows_scope = SCOPE in {one.name for one in head.get_outputs()}
        alone = facts.precision != "float32" and not facts.batched
        self.batch_size = 1 if alone else 32  # texts that run together at most
        self.tokens_together = math.inf  # likewise, tokens

    @classmethod
    def load(cls, source: Path | str, *, n_threads: int = 0, providers: Sequence[str] = ("cpu",)) -> "Predictor":
        """Load a bundle.

        Args:
            source: its folder; or, as a str that is no folder, an alias or a version of the project around here.
            n_threads: of one encoder run; 0 lets ONNX Runtime choose.
            providers: where the encoder shall run, as the config calls them; the first that is there does.

        Raises:
            BundleDamaged: a file is missing, damaged, or not of this bundle.
        """
        folder = Path(source) if isinstance(source, Path) or Path(source).is_dir() else _fetch(source)
        facts = read_facts(folder)
        encoder = open_graph(folder, ENCODER, n_threads, providers)
        head = open_graph(folder, HEAD, 1)
        _require_fit(folder, facts, encoder, head)
        unit = find_problem(facts.problem).unit
        try:
            reader = TextReader.from_file(
                folder / TOKENIZER,
                unit=unit,
                max_length_tokens=facts.max_length_tokens,
                max_windows=facts.max_windows,
            )
        except Exception as error:  # tokenizers raises the bare class
            raise BundleDamaged(str(folder), TOKENIZER, str(error)) from error
        predictor = cls(facts, reader, encoder, head)
        if runs_on_cpu(encoder):
            predictor.tokens_together = TOKENS_TOGETHER * (n_threads or os.cpu_count() or 1)
        return predictor

    def read(self, texts: Sequence[str]) -> list[Encoded]:
        """Return the texts as the encoder reads them. Raises UnreadableText for a row that is no text."""
        if isinstance(texts, str):  # which is a sequence of texts, too: its letters
            raise TypeError("predict takes a list of texts, and this is one text: put it in a list")
        for row, text in enumerate(texts):
            if not isinstance(text, str):
                raise UnreadableText(row, type(text).__name__)
        return self.reader.read(texts)

    def probabilities(self, batch: Sequence[Encoded]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Run one padded batch: vectors (n_units, hidden) and probabilities (n_units, n_outputs) of all its units."""
        vectors = self._run_encoder(batch)
        return vectors, self.judge(vectors)[0]

    @property
    def hidden_size(self) -> int:
        """How many numbers a vector has."""
        return int(self._encoder.get_outputs()[0].shape[-1])

    def embed(self, encoded: Sequence[Encoded]) -> list[NDArray[np.float32]]:
        """Return each text's vectors, (n_units, hidden), in order."""
        found: dict[int, NDArray[np.float32]] = {}
        for rows in self._batches(encoded):
            batch = [encoded[row] for row in rows]
            ends = np.cumsum([len(one.units) for one in batch])[:-1]
            found.update(zip(rows, np.split(self._run_encoder(batch), ends), strict=True))
        return [found[row] for row in range(len(encoded))]

    def logits(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the calibrated logits of vectors (n_units, hidden), (n_units, n_outputs)."""
        found: NDArray[np.float32] = self._head.run(["logits"], {"embeddings": vectors})[0]
        return found

    def judge(self, vectors: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Return the probabilities of vectors (n_units, hidden), (n_units, n_outputs), and their scope, (n_units,)."""
        found = self._head.run(["probabilities", *([SCOPE] if self.knows_scope else [])], {"embeddings": vectors})
        return found[0], found[1] if self.knows_scope else None

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """Return one prediction for each text, in order. Raises UnreadableText for a row that is no text."""
        encoded = self.read(texts)
        return self.predict_in(encoded, self._batches(encoded))

    def _batches(self, encoded: Sequence[Encoded]) -> Iterator[Sequence[int]]:
        """Yield the rows of texts that run together: of about one length, so that there is little padding."""
        batch: list[int] = []
        for row in sorted(range(len(encoded)), key=lambda row: len(encoded[row])):
            if batch and (len(batch) >= self.batch_size or (len(batch) + 1) * len(encoded[row]) > self.tokens_together):
                yield batch
                batch = []
            batch.append(row)
        if batch:
            yield batch

    def _run_encoder(self, batch: Sequence[Encoded]) -> NDArray[np.float32]:
        """Return the vectors of all units, (n_units, hidden). No more windows run together than there are texts."""
        windows = windows_of(batch)
        parts = [self._run_windows(windows[start : start + len(batch)]) for start in range(0, len(windows), len(batch))]
        return join_windows(batch, parts[0] if len(parts) == 1 else np.concatenate(parts), self.problem.unit)

    def _run_windows(self, windows: Sequence[Encoded]) -> NDArray[np.float32]:
        ids, mask = self.reader.pad(windows)
        states: NDArray[np.float32] = self._encoder.run(None, {"input_ids": ids, "attention_mask": mask})[0]
        return states if states.ndim == 2 else _pick_words(states, windows)

    def predict_rows(self, rows: Sequence[object]) -> list[Prediction | UnreadableText]:
        """Return for each row a prediction, or why there is none: a row that is no text spoils no other."""
        texts = [row for row in rows if isinstance(row, str)]
        found = iter(self.predict(texts))
        return [
            next(found) if isinstance(row, str) else UnreadableText(number, type(row).__name__)
            for number, row in enumerate(rows)
        ]

    def predict_in(self, encoded: Sequence[Encoded], batches: Iterable[Sequence[int]]) -> list[Prediction]:
        """Return one prediction for each text, in order, run in these batches of row numbers."""
        found: dict[int, Prediction] = {}
        for rows in batches:
            found.update(zip(rows, self._predict_batch([encoded[row] for row in rows]), strict=True))
        return [found[row] for row in range(len(encoded))]

    def _predict_batch(self, batch: Sequence[Encoded]) -> Iterator[Prediction]:
        vectors = self._run_encoder(batch)
        probabilities, scopes = self.judge(vectors)
        ends = np.cumsum([len(one.units) for one in batch])
        for one, end in zip(batch, ends, strict=True):
            own = slice(int(end) - len(one.units), int(end))
            answer = self.problem.decode(probabilities[own], one.units, self.outputs, self.facts.thresholds)
            embedding = vectors[own].mean(axis=0) if one.units else np.zeros(vectors.shape[1], np.float32)
            scope = float(scopes[own].max()) if scopes is not None and one.units else None
            yield Prediction(answer, embedding, self.facts.limits.reason(answer.confidence, scope), scope)


def _fetch(name: str) -> Path:
    """Return the folder of a version. By its module's name, since what serves a folder needs no registry."""
    fetched: Path = import_module("fsl.serving.named").fetch_named(name, Path.cwd())
    return fetched


def _pick_words(states: NDArray[np.float32], batch: Sequence[Encoded]) -> NDArray[np.float32]:
    """Return the vectors of the words' first tokens, (n_units, hidden)."""
    rows = [row for row, one in enumerate(batch) for _ in one.positions]
    positions = [position for one in batch for position in one.positions]
    return np.ascontiguousarray(states[rows, positions])


def _require_fit(folder: Path, facts: BundleFacts, encoder: Any, head: Any) -> None:
    """Raise BundleDamaged where files of different bundles were mixed up: they would fail, or worse, answer."""
    problem = find_problem(facts.problem)
    embeddings = encoder.get_outputs()[0].shape
    rank = 2 if problem.unit == "text" else 3
    if {one.name for one in encoder.get_inputs()} != _INPUTS or len(embeddings) != rank:
        raise BundleDamaged(str(folder), ENCODER, f"it is no encoder whose units are {problem.unit}s")
    if head.get_inputs()[0].shape[-1:] != embeddings[-1:]:
        raise BundleDamaged(str(folder), HEAD, f"it does not take embeddings of {embeddings[-1]} numbers")
    (n_outputs,), expected = head.get_outputs()[0].shape[-1:], len(problem.outputs(facts.labels))
    if n_outputs != expected:
        raise BundleDamaged(str(folder), HEAD, f"it has {n_outputs} outputs, but bundle.json names {expected}")
    if facts.thresholds and len(facts.thresholds) != expected:
        raise BundleDamaged(str(folder), FACTS, f"it has {len(facts.thresholds)} thresholds for {expected} outputs")
    if facts.limits.scope is not None and SCOPE not in {one.name for one in head.get_outputs()}:
        raise BundleDamaged(str(folder), HEAD, "it tells no scope, but bundle.json sets a limit of it")
