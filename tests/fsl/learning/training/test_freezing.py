"""Layers that stay as they are, whose work is done once; and what a fit does to be quick."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fsl.config import AdapterConfig, LearningConfig, TrainingConfig
from fsl.learning.encoders import UnitEncoder, embed, encoder_digest, load_encoder, to_tensors
from fsl.learning.heads import Head, fit_probe
from fsl.learning.inside import recorded
from fsl.learning.training import speed
from fsl.learning.training.fit import fit_encoder
from fsl.learning.training.freezing import Given, Lower
from fsl.learning.training.lessons import read_lessons, stack_targets
from fsl.learning.training.speed import compiled, count_devices, per_device, wants_compile
from fsl.problems.base import Problem
from fsl.problems.classification import Classification
from fsl.problems.tagging import Tagging
from fsl.samples import Sample

pytestmark = pytest.mark.usefixtures("one_thread")


def fit(
    samples: list[Sample],
    config: LearningConfig,
    problem: Problem,
    *,
    network: UnitEncoder | None = None,
    told: list[str] | None = None,
    **keys: Any,
) -> tuple[UnitEncoder, Head]:
    """Train a fresh student; keywords replace keys of `learning.student`."""
    labels = ("parcel", "refund") if problem.unit == "text" else ("ORG", "PER")
    encoder = load_encoder(config.encoder, role="student", unit=problem.unit)
    reader = encoder.reader(problem.unit)
    lessons = read_lessons(samples, reader, problem, labels)
    vectors = embed(encoder.network, reader, [lesson.encoded for lesson in lessons])
    return fit_encoder(
        network or encoder.network,
        fit_probe(vectors, stack_targets(lessons), len(problem.outputs(labels)), seed=0),
        lessons,
        reader,
        role="student",
        training=TrainingConfig(**{**config.student.model_dump(), **keys}),
        config=config,
        held_out=lessons[:4],
        tell=(told if told is not None else []).append,
        track=lambda name, value, step: None,  # so that held-out rows are scored too
    )


def with_method(config: LearningConfig, method: str) -> LearningConfig:
    adapter = AdapterConfig(**{**config.adapter.model_dump(), "method": method, "dropout": 0.0})
    return config.model_copy(update={"adapter": adapter})


@pytest.mark.parametrize("problem", [Classification(), Tagging()], ids=lambda one: one.kind)
def test_remembered_layers_give_the_weights_that_frozen_ones_give(
    intents: list[Sample], names: list[Sample], tiny_learning: LearningConfig, problem: Problem
) -> None:
    samples, config = intents if problem.unit == "text" else names, with_method(tiny_learning, "full")
    named = {"epochs": 3, "dropout": 0.0, "weight_decay": 0.0}

    cut, cut_head = fit(samples, config, problem, freeze_layers=1, **named)
    # The same in the plain way: all layers are there, and the lower ones have no gradient.
    whole = load_encoder(config.encoder, role="student", unit=problem.unit).network
    frozen = {name for name, _ in whole.named_parameters() if "embeddings" in name or "layer.0." in name}
    before = {name: one.clone() for name, one in whole.state_dict().items()}
    for name, one in whole.named_parameters():
        if name in frozen:
            one.register_hook(torch.zeros_like)
    plain, plain_head = fit(samples, config, problem, network=whole, **named)

    for name, one in plain.state_dict().items():
        if name in frozen:
            assert torch.equal(cut.state_dict()[name], before[name])
        elif not name.endswith("key.bias"):  # softmax undoes it: its gradient is rounding alone, which Adam makes big
            assert cut.state_dict()[name].numpy() == pytest.approx(one.numpy(), abs=2e-4), name
    moved = "backbone.encoder.layer.1.output.dense.weight"
    assert not torch.equal(cut.state_dict()[moved], before[moved])
    assert cut_head.weight == pytest.approx(plain_head.weight, abs=2e-4)


@pytest.mark.parametrize("method", ["lora", "dora", "ia3", "full"])
def test_a_fit_with_frozen_layers_gives_a_whole_encoder_and_the_same_one_twice(
    intents: list[Sample], tiny_learning: LearningConfig, method: str
) -> None:
    config = with_method(tiny_learning, method)
    base = load_encoder(config.encoder, role="student", unit="text").network

    one, head = fit(intents, config, Classification(), freeze_layers=1, learning_rate=5e-3)
    again, _ = fit(intents, config, Classification(), freeze_layers=1, learning_rate=5e-3)

    assert encoder_digest(one) == encoder_digest(again) != encoder_digest(base)
    assert {name: one.shape for name, one in one.state_dict().items()} == {
        name: one.shape for name, one in base.state_dict().items()
    }
    assert not any(isinstance(part, Given) for part in one.modules())
    assert np.isfinite(head.weight).all()


def test_all_terms_go_together_with_frozen_layers(intents: list[Sample], tiny_learning: LearningConfig) -> None:
    terms = {"weight_r_drop": 0.5, "mixup": 0.5, "adversarial_radius": 0.1, "word_dropout": 0.2, "freeze_layers": 1}

    one, _ = fit(intents, tiny_learning, Classification(), **terms)
    again, _ = fit(intents, tiny_learning, Classification(), **terms)

    assert encoder_digest(one) == encoder_digest(again)


def test_the_last_layer_learns_in_any_case_and_that_is_said(
    intents: list[Sample], tiny_learning: LearningConfig
) -> None:
    told = list[str]()

    many, _ = fit(intents, tiny_learning, Classification(), told=told, freeze_layers=9)
    one, _ = fit(intents, tiny_learning, Classification(), freeze_layers=1)

    assert told == ["of 2 layers 1 were frozen, not 9: the last one must learn"]
    assert encoder_digest(many) == encoder_digest(one)


def test_texts_beyond_the_memory_are_computed_again(
    tiny_learning: LearningConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = load_encoder(tiny_learning.encoder, role="student", unit="text")
    reader = encoder.reader("text")
    encoded = reader.read(["where is my parcel", "refund", "hello there"])
    batch = to_tensors(reader, encoded)
    with torch.inference_mode(), recorded(encoder.network.backbone, [1], relations=False) as seen:
        encoder.network(batch["input_ids"], batch["attention_mask"])
    monkeypatch.setattr("fsl.learning.training.freezing._MOST_BYTES", 4 * 32 * 3)  # three tokens
    lower = Lower(encoder.network, 1)

    lower.remember(encoded, reader, device="cpu", bfloat16=False)
    states = lower.states(encoded, reader, device="cpu", bfloat16=False)

    assert len(lower._remembered) == 1
    mask = batch["attention_mask"].bool()
    assert states[mask].numpy() == pytest.approx(seen.hidden[1][mask].numpy(), abs=1e-5)
    assert not states[~mask].any()
    lower.join()
    whole = load_encoder(tiny_learning.encoder, role="student", unit="text").network
    assert encoder_digest(encoder.network) == encoder_digest(whole)


def without_dropout(config: LearningConfig) -> tuple[LearningConfig, LearningConfig]:
    """Return the config for a plain encoder and for a compiled one, where torch itself draws what drops out."""
    adapter = config.adapter.model_copy(update={"dropout": 0.0})
    return config.model_copy(update={"adapter": adapter}), config.model_copy(
        update={"adapter": adapter, "compile": "on"}
    )


def test_a_compiled_encoder_learns_the_same(
    intents: list[Sample], tiny_learning: LearningConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0

    def backend(graph: Any, inputs: Any) -> Any:
        nonlocal calls
        calls += 1
        return graph.forward

    monkeypatch.setattr(speed, "BACKEND", backend)
    plainly, on = without_dropout(tiny_learning)

    compiled_one, head = fit(intents, on, Classification(), epochs=1, dropout=0.0)
    plain, plain_head = fit(intents, plainly, Classification(), epochs=1, dropout=0.0)

    assert calls > 0
    assert head.weight == pytest.approx(plain_head.weight, abs=1e-5)
    vectors = [one.backbone.encoder.layer[1].output.dense.weight.detach() for one in (compiled_one, plain)]
    assert vectors[0].numpy() == pytest.approx(vectors[1].numpy(), abs=1e-5)
    assert compiled_one.backbone._compiled_call_impl is None  # what is exported is the plain one


def test_a_compiler_that_fails_costs_no_fit(
    intents: list[Sample], tiny_learning: LearningConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def backend(graph: Any, inputs: Any) -> Any:
        raise RuntimeError("no such compiler")

    monkeypatch.setattr(speed, "BACKEND", backend)
    plainly, on = without_dropout(tiny_learning)

    _, head = fit(intents, on, Classification(), epochs=1, dropout=0.0)
    _, plain_head = fit(intents, plainly, Classification(), epochs=1, dropout=0.0)

    assert head.weight == pytest.approx(plain_head.weight, abs=1e-5)


def test_what_is_compiled_follows_from_config_device_and_length(tiny_learning: LearningConfig) -> None:
    def wanted(how: str, *, on_cpu: bool, n_steps: int, hooked: bool = False) -> bool:
        config = tiny_learning.model_copy(update={"compile": how})
        return wants_compile(config, on_cpu=on_cpu, n_steps=n_steps, hooked=hooked)

    assert wanted("auto", on_cpu=False, n_steps=5_000)
    assert not wanted("auto", on_cpu=False, n_steps=100)
    assert not wanted("auto", on_cpu=True, n_steps=5_000)
    assert wanted("on", on_cpu=True, n_steps=1)
    assert not wanted("on", on_cpu=False, n_steps=5_000, hooked=True)
    assert not wanted("off", on_cpu=False, n_steps=5_000)


def test_a_batch_is_dealt_out_to_several_gpus_only_where_its_rows_stand_for_themselves() -> None:
    assert count_devices(4, "text", hooked=False) == 4
    assert count_devices(4, "word", hooked=False) == 1
    assert count_devices(4, "text", hooked=True) == 1
    assert count_devices(0, "text", hooked=False) == 1  # the CPU
    assert [per_device(32, 4), per_device(2, 4), per_device(32, 1)] == [8, 1, 32]


def test_on_a_cpu_attention_is_the_plain_one_and_the_optimisers_step_one_kernel(
    intents: list[Sample], tiny_learning: LearningConfig
) -> None:
    # Without dropout torch takes its fused attention, whose gradients are slow here.
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as seen:
        fit(intents[:8], with_method(tiny_learning, "full"), Classification(), epochs=1, dropout=0.0)

    kernels = {event.key for event in seen.key_averages()}
    assert "aten::_scaled_dot_product_attention_math" in kernels
    assert not [one for one in kernels if "flash" in one and "ackward" in one]
    assert "aten::_fused_adamw_" in kernels


def test_an_error_leaves_an_encoder_plain(tiny_encoder: Path) -> None:
    part = torch.nn.Linear(2, 2)

    with pytest.raises(ZeroDivisionError), compiled(part, wanted=True):
        raise ZeroDivisionError
    assert part._compiled_call_impl is None
