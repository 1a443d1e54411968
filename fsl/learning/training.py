"""One fit of an encoder with its head: LoRA or full, on hard and soft labels, by transformers' Trainer.

What the loss is stands in `fsl.learning.distillation`; which texts and labels go in is the caller's.
"""

import logging
import math
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fsl.config import DistillationConfig, LearningConfig, TeacherConfig, TrainingConfig
from fsl.learning.adapters import lay_adapter, merge_adapter
from fsl.learning.distillation import UNLABELLED, contrastive_loss, label_loss, student_loss
from fsl.learning.encoders import UnitEncoder, to_tensors
from fsl.learning.errors import NoSuchDevice, OutOfMemory, TrainingDiverged
from fsl.learning.heads import Head
from fsl.learning.keeping import Keeper, is_out_of_memory, put_back, read_free_weights
from fsl.learning.rates import build_groups
from fsl.learning.tracking import Track, ignore
from fsl.learning.watching import Progress, Watched, build_watch
from fsl.tokenization import Encoded, TextReader

log = logging.getLogger(__name__)

_SCORED_AT_ONCE = 64

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Lesson:
    """One text to learn from."""

    encoded: Encoded
    targets: NDArray[np.int64] | None  # (n_units,) or (n_units, n_outputs), or None when unlabelled
    soft_labels: NDArray[np.float32] | None  # (n_units, n_outputs), or None when no teacher has spoken

    def __len__(self) -> int:
        return len(self.encoded)


class Learner(nn.Module):  # type: ignore[misc]
    """An encoder and a head, trained together: linear, or with a scale the cosines to each label's direction."""

    def __init__(
        self,
        encoder: UnitEncoder,
        head: Head,
        distillation: DistillationConfig,
        training: TrainingConfig,
        cosine_scale: float | None = None,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.training_config = training
        self.cosine_scale = cosine_scale
        self.activation = head.activation
        n_hidden, n_outputs = head.weight.shape
        self.head = nn.Linear(n_hidden, n_outputs)
        # Starting from the fitted probe keeps the pretrained features while the head is still wrong
        # (Kumar et al. 2022, arXiv:2202.10054).
        self.head.weight.data = torch.from_numpy(head.weight.T / head.temperature).contiguous()
        self.head.bias.data = torch.from_numpy(head.bias / head.temperature)
        self.distillation = distillation

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        positions: Tensor,
        targets: Tensor,
        soft_labels: Tensor | None = None,
    ) -> dict[str, Tensor]:
        vectors = self.encoder.vectors(input_ids, attention_mask, positions)
        logits = self.logits(vectors)
        loss = student_loss(
            logits,
            targets,
            soft_labels,
            temperature=self.distillation.temperature,
            weight_soft=self.distillation.weight_soft,
            weight_hard=self.distillation.weight_hard,
            smoothing=self.training_config.label_smoothing,
            activation=self.activation,
        )
        fit = self.training_config
        has_pairs = self.encoder.unit == "text" and self.activation == "softmax"  # texts of one label are alike
        if isinstance(fit, TeacherConfig) and fit.weight_contrastive > 0 and has_pairs:
            pulled = contrastive_loss(vectors.float(), targets, temperature=fit.contrastive_temperature)
            loss = loss + fit.weight_contrastive * pulled
        return {"loss": loss, "logits": logits}

    def logits(self, vectors: Tensor) -> Tensor:
        """Return (n_units, n_outputs) in fp32, whatever the autocast: scaled cosines feel the third digit."""
        if self.cosine_scale is None:
            found: Tensor = self.head(vectors).float()
            return found
        with torch.autocast(vectors.device.type, enabled=False):
            directions = nn.functional.normalize(self.head.weight.float(), dim=-1)
            return self.cosine_scale * vectors.float() @ directions.T

    def read_head(self) -> Head:
        """Return the head as it stands, on the CPU."""
        weight = self.head.weight.detach().cpu()
        if self.cosine_scale is not None:
            weight = self.cosine_scale * nn.functional.normalize(weight, dim=-1)
        bias = self.head.bias.detach().cpu() if self.cosine_scale is None else torch.zeros(len(weight))
        return Head(
            weight.numpy().T.astype(np.float32).copy(),
            bias.numpy().astype(np.float32).copy(),
            activation=self.activation,
        )


def fit_encoder(
    encoder: UnitEncoder,
    head: Head,
    lessons: Sequence[Lesson],
    reader: TextReader,
    *,
    role: str,
    training: TrainingConfig,
    config: LearningConfig,
    cosine_scale: float | None = None,
    progress: Progress = lambda share: None,
    tell: Tell = log.warning,
    track: Track = ignore,
    held_out: Sequence[Lesson] = (),
) -> tuple[UnitEncoder, Head]:
    """Train an encoder and its head on lessons; adapters are merged before it returns.

    Args:
        encoder: is changed; hand in a fresh one.
        head: where the head starts.
        lessons: labelled, softly labelled, or both.
        role: "teacher" or "student", for messages.
        cosine_scale: the head learns directions, and its logits are this many times the cosine; None: it is linear.
        tell: is told what a person should know: a loss that was no number, a batch that did not fit.
        track: is given the curves: `loss` and `learning_rate` of each step, `tune_score` after each epoch.
        held_out: rows whose mean log-likelihood a unit is that score; nothing is learnt from them.

    Raises:
        TrainingDiverged: the loss was not a number before the first epoch ended, so there is no good state to keep.
        OutOfMemory: not even one text at a time fits.
        NoSuchDevice: the config asks for a GPU, and there is none.
    """
    torch.manual_seed(config.seed)  # a fresh adapter is drawn
    encoder.backbone = lay_adapter(encoder.backbone, config.adapter)
    learner = Learner(encoder, head, config.distillation, training, cosine_scale)
    score = (lambda: score_lessons(learner, held_out, reader)) if held_out else None
    watched = Watched(role, progress, track, score)
    start, batch_size = read_free_weights(learner), training.batch_size
    while True:
        torch.manual_seed(config.seed)  # and so is what drops out, anew in each try
        trainer, keeper = _build_trainer(learner, lessons, reader, training, config, watched, batch_size)
        try:
            trainer.train()
        except TrainingDiverged as error:
            _go_back(learner, keeper, error, role, tell)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            batch_size = _halve(batch_size, role, error, tell)
            put_back(learner, start)
            continue
        break
    learner.eval().cpu()
    if not _is_sound(learner, lessons[: training.batch_size], reader):
        _go_back(learner, keeper, TrainingDiverged(trainer.state.global_step, role), role, tell)
    encoder.backbone = merge_adapter(encoder.backbone, config.adapter)
    log.info("%s: %d lessons, %d steps", role, len(lessons), trainer.state.global_step)
    return encoder, learner.read_head()


def _go_back(learner: Learner, keeper: Keeper, error: TrainingDiverged, role: str, tell: Tell) -> None:
    """Put the last good weights back, and say so; where there are none, nothing can be kept."""
    if keeper.weights is None:
        raise error
    put_back(learner, keeper.weights)
    tell(
        f"the {role}'s loss was no number any more at step {error.step}, so it keeps what it had learnt after "
        f"epoch {keeper.epoch}; lower `learning.{role}.learning_rate`"
    )


def _halve(batch_size: int, role: str, error: Exception, tell: Tell) -> int:
    if batch_size == 1:
        raise OutOfMemory(role) from error
    tell(f"a batch of {batch_size} did not fit into memory for the {role}, so {batch_size // 2} are taken at a time")
    return batch_size // 2


def _is_sound(learner: Learner, lessons: Sequence[Lesson], reader: TextReader) -> bool:
    """Say whether what was learnt still computes; the loss of the last step was taken before its weights moved."""
    with torch.inference_mode():
        loss = learner(**_collate(lessons, reader))["loss"]
    return bool(torch.isfinite(loss))


def score_lessons(learner: Learner, lessons: Sequence[Lesson], reader: TextReader) -> float:
    """Return the mean log-likelihood of the units' targets, in nats; NaN where there is none. Nothing is moved."""
    was_training, device = learner.training, next(learner.parameters()).device
    learner.eval()
    total, n_units = 0.0, 0
    with torch.inference_mode():
        for first in range(0, len(lessons), _SCORED_AT_ONCE):
            batch = _collate(lessons[first : first + _SCORED_AT_ONCE], reader)
            targets = batch.pop("targets").to(device)
            batch.pop("soft_labels", None)
            vectors = learner.encoder.vectors(**{key: value.to(device) for key, value in batch.items()})
            n_known = int((targets.reshape(len(targets), -1) != UNLABELLED).all(-1).sum())
            loss = label_loss(learner.logits(vectors), targets, activation=learner.activation)
            total -= float(loss) * n_known
            n_units += n_known
    learner.train(was_training)
    return total / n_units if n_units else float("nan")


def _build_trainer(
    learner: Learner,
    lessons: Sequence[Lesson],
    reader: TextReader,
    training: TrainingConfig,
    config: LearningConfig,
    watched: Watched,
    batch_size: int,
) -> tuple[Any, Keeper]:
    from transformers import Trainer, TrainingArguments

    keeper = Keeper(learner)

    use_cpu = pick_device(config) == "cpu"  # asked for a GPU that is not there, the Trainer would take the CPU
    n_steps = math.ceil(len(lessons) / training.batch_size) * training.epochs
    # The folder holds nothing (nothing is saved), but the Trainer wants one.
    arguments = TrainingArguments(
        output_dir=tempfile.gettempdir(),
        num_train_epochs=training.epochs,
        per_device_train_batch_size=batch_size,
        gradient_accumulation_steps=training.batch_size // batch_size,  # so that a step sees as many texts
        learning_rate=training.learning_rate,
        weight_decay=training.weight_decay,
        warmup_steps=int(n_steps * training.warmup_share),
        lr_scheduler_type="linear",
        seed=config.seed,
        use_cpu=use_cpu,
        bf16=wants_bfloat16(config, on_cpu=use_cpu),
        train_sampling_strategy="group_by_length",
        remove_unused_columns=False,
        logging_steps=1,  # so that the loss of every step is looked at
        logging_nan_inf_filter=False,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=not use_cpu,
        optim="adamw_torch",
    )
    trainer = Trainer(
        model=learner,
        args=arguments,
        train_dataset=_Lessons(lessons),
        data_collator=lambda rows: _collate([row["lesson"] for row in rows], reader),
        callbacks=[build_watch(keeper, watched)],
        optimizers=(_build_optimiser(learner, training), None),
    )
    from transformers.trainer_callback import PrinterCallback

    trainer.remove_callback(PrinterCallback)
    return trainer, keeper


def _build_optimiser(learner: Learner, training: TrainingConfig) -> torch.optim.Optimizer | None:
    """Return an optimiser with a rate for each layer; None leaves it to the Trainer, where all have the same."""
    if training.layer_decay >= 1.0:
        return None
    groups = build_groups(
        learner,
        learning_rate=training.learning_rate,
        layer_decay=training.layer_decay,
        weight_decay=training.weight_decay,
    )
    return torch.optim.AdamW(groups, lr=training.learning_rate)


class _Lessons(torch.utils.data.Dataset[dict[str, Any]]):  # type: ignore[misc]
    """Lessons as the Trainer wants them."""

    def __init__(self, lessons: Sequence[Lesson]) -> None:
        self.lessons = lessons

    def __len__(self) -> int:
        return len(self.lessons)

    def __getitem__(self, index: int) -> dict[str, Any]:
        # The sampler groups by the length of "input_ids".
        return {"lesson": self.lessons[index], "input_ids": self.lessons[index].encoded.ids}


def _collate(lessons: Sequence[Lesson], reader: TextReader) -> dict[str, Tensor]:
    batch = to_tensors(reader, [lesson.encoded for lesson in lessons])
    shape = next((lesson.targets.shape[1:] for lesson in lessons if lesson.targets is not None), ())
    batch["targets"] = torch.from_numpy(
        np.concatenate(
            [
                np.full((len(one.encoded.units), *shape), UNLABELLED) if one.targets is None else one.targets
                for one in lessons
            ]
        ).astype(np.int64)
    )
    width = next((lesson.soft_labels.shape[1] for lesson in lessons if lesson.soft_labels is not None), 0)
    if width:
        batch["soft_labels"] = torch.from_numpy(
            np.concatenate(
                [
                    np.zeros((len(lesson.encoded.units), width)) if lesson.soft_labels is None else lesson.soft_labels
                    for lesson in lessons
                ]
            ).astype(np.float32)
        )
    return batch


def pick_device(config: LearningConfig) -> str:
    """Return "cuda" or "cpu". Raises NoSuchDevice where the config asks for a GPU, and there is none."""
    if config.device == "cuda" and not torch.cuda.is_available():
        raise NoSuchDevice(config.device)
    return "cuda" if config.device != "cpu" and torch.cuda.is_available() else "cpu"


def wants_bfloat16(config: LearningConfig, *, on_cpu: bool) -> bool:
    """Return whether to train under bf16 autocast: where the processor has the instructions, unless told otherwise."""
    if config.precision != "auto":
        return config.precision == "bfloat16"
    if on_cpu:
        return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    return bool(torch.cuda.is_bf16_supported())
