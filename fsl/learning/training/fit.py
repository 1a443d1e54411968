"""One fit of an encoder with its head: LoRA or full, on hard and soft labels, by transformers' Trainer.

What the loss is stands in `fsl.learning.losses.distillation`; which texts and labels go in is the caller's.
"""

import logging
import math
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from fsl.config import LearningConfig, TrainingConfig
from fsl.learning.encoders import UnitEncoder
from fsl.learning.errors import NoSuchDevice, OutOfMemory, TrainingDiverged
from fsl.learning.heads import Head
from fsl.learning.inside import layers_of
from fsl.learning.losses.distillation import UNLABELLED, label_loss
from fsl.learning.training.adapters import lay_adapter, merge_adapter
from fsl.learning.training.batches import Lesson, Lessons, collate
from fsl.learning.training.dropping import quick_dropout
from fsl.learning.training.freezing import Given, Lower
from fsl.learning.training.keeping import Keeper, is_out_of_memory, put_back, read_free_weights
from fsl.learning.training.learner import Learner
from fsl.learning.training.rates import build_groups
from fsl.learning.training.speed import OPTIMISER, attention_of, compiled, count_devices, per_device, wants_compile
from fsl.learning.training.tracking import Track, ignore
from fsl.learning.training.watching import Progress, Watched, build_watch
from fsl.tokenization import TextReader

log = logging.getLogger(__name__)

_SCORED_AT_ONCE = 64

Tell = Callable[[str], None]


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
    stop_on: Sequence[Lesson] = (),
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
        stop_on: rows that end the fit after `training.patience` epochs in which they got no likelier; the best epoch
            is what comes back (Prechelt 1998, Early Stopping: But When?). None: all epochs are run.

    Raises:
        TrainingDiverged: the loss was not a number before the first epoch ended, so there is no good state to keep.
        OutOfMemory: not even one text at a time fits.
        NoSuchDevice: the config asks for a GPU, and there is none.
    """
    torch.manual_seed(config.seed)  # a fresh adapter is drawn
    if training.dropout is not None:
        set_dropout(encoder.backbone, training.dropout)
    desk = _Desk(reader, config, _freeze(encoder, lessons, reader, training, config, tell))
    encoder.backbone = lay_adapter(encoder.backbone, config.adapter)
    width = next((lesson.view.shape[-1] for lesson in lessons if lesson.view is not None), None)
    learner = Learner(encoder, head, config.distillation, training, cosine_scale, width, desk.given)
    quick = bool(_how(config)["bfloat16"])  # a curve is looked at; what decides is asked in fp32
    score = (lambda: score_lessons(learner, held_out, desk, bfloat16=quick)) if held_out else None
    stops = training.patience > 0 and len(stop_on) > 0
    stop_score = (lambda: score_lessons(learner, stop_on, desk)) if stops else None
    watched = Watched(role, progress, track, score, stop_score, training.patience)
    start, batch_size = read_free_weights(learner), training.batch_size
    while True:
        torch.manual_seed(config.seed)  # and so is what drops out, anew in each try
        trainer, keeper = _build_trainer(learner, lessons, desk, training, watched, batch_size)
        try:
            wants = _wants_compile(learner, trainer, config)
            on_cpu = trainer.args.use_cpu
            with (
                attention_of(on_cpu=on_cpu),
                quick_dropout(encoder.backbone, wanted=on_cpu and not wants),
                compiled(encoder.backbone, wanted=wants),
            ):
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
    if keeper.best is not None:
        put_back(learner, keeper.best)
        log.info("%s: epoch %d of %d is kept", role, keeper.best_epoch, round(trainer.state.epoch))
    if not _is_sound(learner, lessons[: training.batch_size], desk):
        _go_back(learner, keeper, TrainingDiverged(trainer.state.global_step, role), role, tell)
    encoder.backbone = merge_adapter(encoder.backbone, config.adapter)
    if desk.lower is not None:
        desk.lower.join()
    log.info("%s: %d lessons, %d steps", role, len(lessons), trainer.state.global_step)
    return encoder, learner.read_head()


def _go_back(learner: Learner, keeper: Keeper, error: TrainingDiverged, role: str, tell: Tell) -> None:
    """Put the last good weights back, and say so; where there are none, nothing can be kept."""
    if keeper.best is not None:  # what comes back in any case
        return
    if keeper.weights is None:
        raise error
    put_back(learner, keeper.weights)
    tell(
        f"the {role}'s loss was no number any more at step {error.step}, so it keeps what it had learnt after "
        f"epoch {keeper.epoch}; lower `learning.{role}.learning_rate`"
    )


def set_dropout(backbone: nn.Module, share: float) -> None:
    """Have all of an encoder's own dropout take this share (Srivastava et al. 2014)."""
    for part in backbone.modules():
        if isinstance(part, nn.Dropout):
            part.p = share


def _halve(batch_size: int, role: str, error: Exception, tell: Tell) -> int:
    if batch_size == 1:
        raise OutOfMemory(role) from error
    tell(f"a batch of {batch_size} did not fit into memory for the {role}, so {batch_size // 2} are taken at a time")
    return batch_size // 2


def _is_sound(learner: Learner, lessons: Sequence[Lesson], desk: "_Desk") -> bool:
    """Say whether what was learnt still computes; the loss of the last step was taken before its weights moved."""
    with torch.inference_mode():
        loss = learner(**desk.collate(lessons))["loss"]
    return bool(torch.isfinite(loss))


def score_lessons(learner: Learner, lessons: Sequence[Lesson], desk: "_Desk", *, bfloat16: bool = False) -> float:
    """Return the mean log-likelihood of the units' targets, in nats; NaN where there is none. Nothing is moved.

    Args:
        bfloat16: run the encoder under autocast; quicker, to about three digits.
    """
    was_training, device = learner.training, next(learner.parameters()).device
    learner.eval()
    total, n_units = 0.0, 0
    ordered = sorted(lessons, key=lambda lesson: len(lesson.encoded.ids))  # little padding
    with torch.inference_mode():
        for first in range(0, len(ordered), _SCORED_AT_ONCE):
            batch = desk.collate(ordered[first : first + _SCORED_AT_ONCE])
            targets = batch.pop("targets").to(device)
            learner.hand_over(batch["states"].to(device) if "states" in batch else None)
            inputs = {key: batch[key].to(device) for key in ("input_ids", "attention_mask", "positions")}
            with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
                vectors = learner.encoder.vectors(**inputs)
            n_known = int((targets.reshape(len(targets), -1) != UNLABELLED).all(-1).sum())
            loss = label_loss(learner.logits(vectors), targets, activation=learner.activation)
            total -= float(loss) * n_known
            n_units += n_known
    learner.train(was_training)
    return total / n_units if n_units else float("nan")


@dataclass(frozen=True)
class _Desk:
    """What turns lessons into batches."""

    reader: TextReader
    config: LearningConfig
    lower: Lower | None  # layers that stay as they are; None: all move

    @property
    def given(self) -> Given | None:
        return None if self.lower is None else self.lower.given

    def collate(self, lessons: Sequence[Lesson]) -> dict[str, Tensor]:
        batch = collate(lessons, self.reader)
        if self.lower is not None:
            encoded = [lesson.encoded for lesson in lessons]
            batch["states"] = self.lower.states(encoded, self.reader, **_how(self.config))
        return batch


def _how(config: LearningConfig) -> dict[str, Any]:
    device = pick_device(config)
    return {"device": device, "bfloat16": wants_bfloat16(config, on_cpu=device == "cpu")}


def _freeze(
    encoder: UnitEncoder,
    lessons: Sequence[Lesson],
    reader: TextReader,
    training: TrainingConfig,
    config: LearningConfig,
    tell: Tell,
) -> Lower | None:
    """Cut the layers off that stay, and have them read all lessons once. The top layer moves in any case."""
    if training.freeze_layers == 0:
        return None
    n_layers = min(training.freeze_layers, len(layers_of(encoder.backbone)) - 1)
    if n_layers < training.freeze_layers:
        tell(f"of {n_layers + 1} layers {n_layers} were frozen, not {training.freeze_layers}: the last one must learn")
    if n_layers == 0:
        return None
    lower = Lower(encoder, n_layers)
    lower.remember([lesson.encoded for lesson in lessons], reader, **_how(config))
    return lower


def _is_hooked(learner: Learner) -> bool:
    """Say whether a step looks into the encoder, or moves what goes on in it."""
    terms, fit = learner.distillation, learner.training_config
    looks = terms.weight_hidden > 0 or terms.weight_relations > 0
    return looks or fit.adversarial_radius > 0 or learner.given is not None


def _wants_compile(learner: Learner, trainer: Any, config: LearningConfig) -> bool:
    n_steps = math.ceil(len(trainer.train_dataset) / learner.training_config.batch_size) * trainer.args.num_train_epochs
    return wants_compile(config, on_cpu=trainer.args.use_cpu, n_steps=int(n_steps), hooked=_is_hooked(learner))


def _build_trainer(
    learner: Learner,
    lessons: Sequence[Lesson],
    desk: _Desk,
    training: TrainingConfig,
    watched: Watched,
    batch_size: int,
) -> tuple[Any, Keeper]:
    from transformers import Trainer, TrainingArguments

    keeper, config = Keeper(learner), desk.config
    use_cpu = pick_device(config) == "cpu"  # asked for a GPU that is not there, the Trainer would take the CPU
    n_steps = math.ceil(len(lessons) / training.batch_size) * training.epochs
    n_gpus = 0 if use_cpu else torch.cuda.device_count()
    n_devices = count_devices(n_gpus, learner.encoder.unit, hooked=_is_hooked(learner))
    # The folder holds nothing (nothing is saved), but the Trainer wants one.
    arguments = TrainingArguments(
        output_dir=tempfile.gettempdir(),
        num_train_epochs=training.epochs,
        per_device_train_batch_size=per_device(batch_size, n_devices),
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
        optim=OPTIMISER,
    )
    if n_gpus > n_devices:
        arguments._n_gpu = n_devices
    trainer = Trainer(
        model=learner,
        args=arguments,
        train_dataset=Lessons(lessons),
        data_collator=lambda rows: desk.collate([row["lesson"] for row in rows]),
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
    return torch.optim.AdamW(groups, lr=training.learning_rate, fused=True)


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
