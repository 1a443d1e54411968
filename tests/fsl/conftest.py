"""Models of two thin layers that every part may learn with, export and serve: a test of one takes milliseconds.

Heavy packages are imported by the fixtures that need them, so that the other tests never wait for them.
"""

import string
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from pydantic import JsonValue

from fsl.config import AdapterConfig, EncoderConfig, ExportConfig, LearningConfig, TeacherConfig, TrainingConfig
from fsl.problems import find_problem
from fsl.samples import Sample, Split

if TYPE_CHECKING:
    from fsl.learning.student import Student

WORDS = ("refund", "money", "back", "please", "where", "is", "my", "parcel", "hello", "there", "cafe", "acme", "anna")
HAN = tuple("退款什么时候到账")
MAX_LENGTH_TOKENS = 24


def build_tokenizer(path: Path, *, special_tokens: bool = True) -> None:
    """Write a WordPiece `tokenizer.json` as BERT's, with a small vocabulary."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    letters = [*string.ascii_lowercase, *string.digits, *"?!.,'-$%"]
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS, *HAN, *letters, *(f"##{letter}" for letter in letters)]
    tokenizer = Tokenizer(models.WordPiece({piece: index for index, piece in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    if special_tokens:
        tokenizer.post_processor = processors.TemplateProcessing(
            "[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
        )
    tokenizer.save(str(path))


@pytest.fixture(scope="session")
def tokenizer_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    build_tokenizer(path)
    return path


@pytest.fixture(scope="session")
def bare_tokenizer_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tokenizer that adds no tokens of its own, so that an empty text has none at all."""
    path = tmp_path_factory.mktemp("bare") / "tokenizer.json"
    build_tokenizer(path, special_tokens=False)
    return path


def save_random_encoder(folder: Path, tokenizer_file: Path, *, seed: int, hidden_size: int, n_layers: int) -> Path:
    """Save a thin encoder of chance as `transformers` saves one, and return its folder."""
    import torch
    from transformers import BertConfig, BertModel

    torch.manual_seed(seed)
    shape = BertConfig(
        vocab_size=128,
        hidden_size=hidden_size,
        num_hidden_layers=n_layers,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=32,
        # Random layers hardly change what they are given; wide ones make the tests see every one of them.
        initializer_range=0.3,
    )
    BertModel(shape).save_pretrained(folder)
    (folder / "tokenizer.json").write_bytes(tokenizer_file.read_bytes())
    return folder


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory, tokenizer_file: Path) -> Path:
    """A folder with a random encoder of two thin layers."""
    return save_random_encoder(
        tmp_path_factory.mktemp("tiny-encoder"), tokenizer_file, seed=0, hidden_size=32, n_layers=2
    )


@pytest.fixture(scope="session")
def wide_encoder(tmp_path_factory: pytest.TempPathFactory, tokenizer_file: Path) -> Path:
    """A folder with a random encoder of three layers that is wider than the tiny one."""
    return save_random_encoder(
        tmp_path_factory.mktemp("wide-encoder"), tokenizer_file, seed=1, hidden_size=48, n_layers=3
    )


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Models this thin gain nothing from a second thread, and lose much to waiting for it where cores are busy."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tiny_learning(tiny_encoder: Path) -> LearningConfig:
    """A `learning` section whose teacher and student are both the tiny encoder."""
    fit = TrainingConfig(epochs=2, batch_size=4, learning_rate=1e-3)
    name = str(tiny_encoder)
    return LearningConfig(
        encoder=EncoderConfig(student=name, teacher=name, max_length_tokens=MAX_LENGTH_TOKENS),
        adapter=AdapterConfig(rank=4, alpha=8.0),
        teacher=TeacherConfig(**fit.model_dump()),
        student=fit,
        device="cpu",
        precision="float32",
    )


def build_sample(row: int, text: str, target: JsonValue, split: Split = Split.TRAIN) -> Sample:
    return Sample(f"row-{row:04d}", text, target, split, f"group-{row}")


@pytest.fixture(scope="session")
def intents() -> list[Sample]:
    """Eight train rows for each of two intents, told apart by one word."""
    texts = [
        f"{'refund money' if row % 2 else 'where parcel'} {string.ascii_lowercase[row]} please" for row in range(16)
    ]
    return [build_sample(row, text, "refund" if row % 2 else "parcel") for row, text in enumerate(texts)]


@pytest.fixture(scope="session")
def names() -> list[Sample]:
    """Eight train rows with an organisation and a person each, and one with no word at all."""
    rows = [
        build_sample(row, f"acme {letter} anna", [[0, 4, "ORG"], [7, 11, "PER"]])
        for row, letter in enumerate("abcdefgh")
    ]
    return [*rows, build_sample(8, "\u200b", [])]


@pytest.fixture(scope="session")
def build_student(tiny_learning: LearningConfig) -> "Callable[..., Student]":
    """Return an untrained student of a kind, with a random head."""

    def build(kind: str, labels: Sequence[str], *, temperature: float = 0.5) -> "Student":
        from fsl.learning.encoders import load_encoder
        from fsl.learning.heads import Head
        from fsl.learning.selection.choice import Candidate, Choice
        from fsl.learning.student import Student

        problem = find_problem(kind)
        encoder = load_encoder(tiny_learning.encoder, role="student", unit=problem.unit)
        n_outputs = len(problem.outputs(labels))
        generator = np.random.default_rng(0)
        weight = generator.normal(size=(32, n_outputs)).astype(np.float32)
        head = Head(weight, generator.normal(size=n_outputs).astype(np.float32), temperature)
        candidates = (Candidate("probe", (-0.25, -1 / 3), 0.5), Candidate("distilled", (-0.125, float("-inf")), 1.0))
        return Student(
            network=encoder.network,
            head=head,
            labels=tuple(labels),
            base_model=encoder.name,
            tokenizer_file=encoder.tokenizer_file,
            max_length_tokens=encoder.max_length_tokens,
            candidates=candidates,
            choice=Choice("probe", "it was told to"),
            max_windows=encoder.max_windows,
        )

    return build


@pytest.fixture(scope="session")
def text_student(build_student: "Callable[..., Student]") -> "Student":
    return build_student("classification", ("parcel", "refund", "退款"))


@pytest.fixture(scope="session")
def word_student(build_student: "Callable[..., Student]") -> "Student":
    return build_student("tagging", ("ORG", "PER"))


@pytest.fixture(scope="session")
def text_bundle(tmp_path_factory: pytest.TempPathFactory, text_student: "Student") -> Path:
    """An exported fp32 bundle that answers with one of three labels. Copy it before you change it."""
    return export(text_student, "classification", tmp_path_factory.mktemp("text-bundle"))


@pytest.fixture(scope="session")
def word_bundle(tmp_path_factory: pytest.TempPathFactory, word_student: "Student") -> Path:
    """An exported fp32 bundle that answers with spans. Copy it before you change it."""
    return export(word_student, "tagging", tmp_path_factory.mktemp("word-bundle"))


def export(student: "Student", kind: str, folder: Path) -> Path:
    from fsl.export.bundle import build_bundle

    build_bundle(student, ["hello there", "where is my parcel"], find_problem(kind), ExportConfig(int8=False), folder)
    return folder
