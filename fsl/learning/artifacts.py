"""Teacher's soft labels and the student as files, so that another worker can go on from a finished step.

safetensors and JSON only. What a file holds is checked by digest where it is fetched (`fsl.store`).
"""

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from safetensors.torch import load_file as load_torch_file
from safetensors.torch import save_file as save_torch_file
from torch import Tensor

from fsl.learning.encoders import Encoder, UnitEncoder, architecture
from fsl.learning.heads import Head, RandomFeatures
from fsl.learning.selection.choice import Candidate, Choice
from fsl.learning.student import Student
from fsl.learning.teacher import SoftLabels
from fsl.problems.base import UnitKind

SOFT_LABELS = "soft_labels.safetensors"
SOFT_LABEL_FACTS = "soft_labels.json"
TEACHER_WEIGHTS = "teacher.safetensors"
TEACHER_FACTS = "teacher.json"
TEACHER_TOKENIZER = "teacher_tokenizer.json"
WEIGHTS = "encoder.safetensors"
HEAD = "head.safetensors"
FACTS = "student.json"
TOKENIZER = "tokenizer.json"


def save_soft_labels(soft: SoftLabels, folder: Path) -> None:
    """Write soft labels: one stacked array (n_units, n_outputs) and the rows it belongs to, in order."""
    rows = sorted(soft.by_row)
    arrays = [soft.by_row[row] for row in rows]
    save_file({"probabilities": np.concatenate(arrays).astype(np.float32)}, folder / SOFT_LABELS)
    n_units = [len(array) for array in arrays]
    facts = {
        "labels": soft.labels,
        "rows": rows,
        "n_units": n_units,
        "cost_seconds": soft.cost_seconds,
        "is_spread": soft.is_spread,
    }
    _write_json(folder / SOFT_LABEL_FACTS, facts)
    if soft.teacher is not None:
        _save_teacher(soft.teacher, folder)


def load_soft_labels(folder: Path) -> SoftLabels:
    """Read what `save_soft_labels` wrote."""
    facts = json.loads((folder / SOFT_LABEL_FACTS).read_text(encoding="utf-8"))
    parts = np.split(load_file(folder / SOFT_LABELS)["probabilities"], np.cumsum(facts["n_units"])[:-1])
    by_row = dict(zip(facts["rows"], parts, strict=True))
    teacher = _load_teacher(folder) if (folder / TEACHER_FACTS).is_file() else None
    return SoftLabels(
        tuple(facts["labels"]), by_row, facts.get("cost_seconds", 0.0), teacher, facts.get("is_spread", False)
    )


def _save_teacher(teacher: Encoder, folder: Path) -> None:
    save_torch_file(_weights(teacher.network), folder / TEACHER_WEIGHTS)
    (folder / TEACHER_TOKENIZER).write_bytes(teacher.tokenizer_file.read_bytes())
    facts = {
        "architecture": architecture(teacher.network),
        "unit": teacher.network.unit,
        "name": teacher.name,
        "max_length_tokens": teacher.max_length_tokens,
    }
    _write_json(folder / TEACHER_FACTS, facts)


def _load_teacher(folder: Path) -> Encoder:
    facts = json.loads((folder / TEACHER_FACTS).read_text(encoding="utf-8"))
    network = _build_network(facts["architecture"], folder / TEACHER_WEIGHTS, facts["unit"])
    return Encoder(facts["name"], network, folder / TEACHER_TOKENIZER, facts["max_length_tokens"])


def _weights(network: UnitEncoder) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().contiguous() for name, tensor in network.backbone.state_dict().items()}


def save_student(student: Student, folder: Path) -> None:
    """Write the winning candidate."""
    save_torch_file(_weights(student.network), folder / WEIGHTS)
    save_file(_head_arrays(student.head), folder / HEAD)
    (folder / TOKENIZER).write_bytes(student.tokenizer_file.read_bytes())
    facts = {
        "architecture": architecture(student.network),
        "unit": student.network.unit,
        "temperature": student.head.temperature,
        "activation": student.head.activation,
        "labels": student.labels,
        "base_model": student.base_model,
        "max_length_tokens": student.max_length_tokens,
        "max_windows": student.max_windows,
        "candidates": [asdict(candidate) for candidate in student.candidates],
        "choice": asdict(student.choice),
    }
    _write_json(folder / FACTS, facts)


def load_student(folder: Path) -> Student:
    """Read what `save_student` wrote."""
    facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    head = load_file(folder / HEAD)
    return Student(
        network=_build_network(facts["architecture"], folder / WEIGHTS, facts["unit"]),
        head=Head(
            head["weight"],
            head["bias"],
            facts["temperature"],
            _features_of(head),
            facts.get("activation", "softmax"),  # students of an earlier release had no other
        ),
        labels=tuple(facts["labels"]),
        base_model=facts["base_model"],
        tokenizer_file=folder / TOKENIZER,
        max_length_tokens=facts["max_length_tokens"],
        candidates=tuple(_read_candidates(facts["candidates"])),
        choice=Choice(**facts["choice"]),
        max_windows=facts.get("max_windows", 1),
    )


def _head_arrays(head: Head) -> dict[str, NDArray[np.float32]]:
    arrays = {"weight": head.weight, "bias": head.bias}
    if head.features is not None:
        arrays |= {"projection": head.features.weight, "phase": head.features.bias}
    return {name: np.ascontiguousarray(array, np.float32) for name, array in arrays.items()}


def _features_of(arrays: dict[str, NDArray[np.float32]]) -> RandomFeatures | None:
    return RandomFeatures(arrays["projection"], arrays["phase"]) if "projection" in arrays else None


def _build_network(architecture_facts: dict[str, object], weights: Path, unit: UnitKind) -> UnitEncoder:
    from transformers import AutoConfig, AutoModel

    config = AutoConfig.for_model(**architecture_facts)
    backbone = AutoModel.from_config(config, trust_remote_code=False)
    backbone.load_state_dict(load_torch_file(weights), strict=True)
    network = UnitEncoder(backbone, unit)
    network.eval()
    return network


def _read_candidates(values: Iterable[dict[str, object]]) -> Iterable[Candidate]:
    for value in values:
        yield Candidate(**{**value, "log_likelihoods": tuple(value["log_likelihoods"])})  # type: ignore[arg-type]


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
