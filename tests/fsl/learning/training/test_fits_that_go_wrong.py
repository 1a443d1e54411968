"""Fits that go wrong: a loss that is no number, no memory, no GPU. The last good state is kept, and all is said."""

from typing import Any

import numpy as np
import pytest
import torch

from fsl.config import LearningConfig
from fsl.learning.errors import NoSuchDevice, OutOfMemory, TrainingDiverged
from fsl.learning.training.learner import Learner
from fsl.problems.classification import Classification
from fsl.samples import Sample
from tests.fsl.learning.training.conftest import LABELS, School, with_adapter

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("epochs", [1, 2, 10])  # 4 steps, 8 and 40
def test_a_fit_that_diverges_says_at_which_step_and_gives_nothing(school: School, epochs: int) -> None:
    with pytest.raises(TrainingDiverged, match=r"Lower `learning\.student\.learning_rate`") as caught:
        school.fit(epochs=epochs, learning_rate=1e30, warmup_share=0.0)

    assert caught.value.what == "student"
    assert 1 <= caught.value.step <= 4


def test_a_weight_that_is_no_number_stops_the_fit_at_its_first_step(school: School) -> None:
    with torch.no_grad():
        next(iter(school.network.parameters()))[:] = float("nan")

    with pytest.raises(TrainingDiverged, match="at step 1 its loss was no number any more"):
        school.fit()


@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_fit_that_is_ruined_by_its_very_last_step_gives_nothing(
    intents: list[Sample], tiny_learning: LearningConfig, method: str
) -> None:
    school = School(intents, Classification(), LABELS, with_adapter(tiny_learning, method=method))

    with pytest.raises(TrainingDiverged, match="at step 1 "):
        school.fit(epochs=1, batch_size=16, learning_rate=1e37, warmup_share=0.0)  # its only loss is a sound one


@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_loss_that_is_no_number_later_on_keeps_the_last_good_epoch_and_says_so(
    intents: list[Sample], tiny_learning: LearningConfig, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = with_adapter(tiny_learning, method=method)
    two = School(intents, Classification(), LABELS, config)
    steps, told = 0, list[str]()
    plain = Learner.forward

    def poisoned(self: Learner, *args: Any, **named: Any) -> dict[str, Any]:
        nonlocal steps
        steps += self.training
        found = plain(self, *args, **named)
        return {**found, "loss": found["loss"] * float("nan")} if steps == 6 and self.training else found

    monkeypatch.setattr(Learner, "forward", poisoned)
    head = two.fit(heard={"tell": told.append})

    assert told == [
        "the student's loss was no number any more at step 6, so it keeps what it had learnt after epoch 1; "
        "lower `learning.student.learning_rate`"
    ]
    assert np.isfinite(head.weight).all()
    assert not np.array_equal(head.weight, two.probe.weight)
    assert np.isfinite(two.vectors()).all()


def test_a_batch_that_does_not_fit_into_memory_is_halved_and_that_is_said(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, sizes = list[str](), set[int]()
    plain = Learner.forward

    def cramped(self: Learner, input_ids: torch.Tensor, *args: Any, **named: Any) -> dict[str, Any]:
        if self.training and len(input_ids) > 1:
            raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried 8 bytes")
        sizes.add(len(input_ids))
        return plain(self, input_ids, *args, **named)

    monkeypatch.setattr(Learner, "forward", cramped)
    shares: list[float] = []
    head = school.fit(heard={"progress": shares.append, "tell": told.append})

    assert told == [
        "a batch of 4 did not fit into memory for the student, so 2 are taken at a time",
        "a batch of 2 did not fit into memory for the student, so 1 are taken at a time",
    ]
    assert shares == pytest.approx([step / 8 for step in range(1, 9)])  # as many steps as with four at a time
    assert np.isfinite(head.weight).all()


def test_where_not_even_one_text_fits_a_sentence_says_what_to_do(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: Any, **named: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(Learner, "forward", full)

    with pytest.raises(
        OutOfMemory, match=r"even with one text at a time.*Lower `learning\.encoder\.max_length_tokens`"
    ):
        school.fit()


def test_a_gpu_that_is_asked_for_and_not_there_is_told_so(
    school: School, monkeypatch: pytest.MonkeyPatch, tiny_learning: LearningConfig
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    school.config = tiny_learning.model_copy(update={"device": "cuda"})

    with pytest.raises(NoSuchDevice, match=r"`learning\.device` is cuda, but torch finds none"):
        school.fit()
