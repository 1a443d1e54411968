"""An encoder and a head that learn together: what one step computes, and its loss.

The terms of the loss are pure functions in `distillation` and `regularising`; stepping the optimiser is `training`'s.
"""

from contextlib import nullcontext

import numpy as np
import torch
from torch import Tensor, nn

from fsl.config import DistillationConfig, TeacherConfig, TrainingConfig
from fsl.learning.encoders import UnitEncoder
from fsl.learning.heads import Head
from fsl.learning.inside import Front, layers_of, recorded, watched_front
from fsl.learning.losses.distillation import champion_loss, contrastive_loss, student_loss
from fsl.learning.losses.matching import hidden_loss, relation_loss
from fsl.learning.losses.regularising import agreement_loss, drop_words, mix_vectors, worst_shift
from fsl.learning.training.freezing import Given


class Learner(nn.Module):  # type: ignore[misc]
    """An encoder and a head, trained together: linear, or with a scale the cosines to each label's direction."""

    def __init__(
        self,
        encoder: UnitEncoder,
        head: Head,
        distillation: DistillationConfig,
        training: TrainingConfig,
        cosine_scale: float | None = None,
        view_width: int | None = None,
        given: Given | None = None,
    ) -> None:
        """
        Args:
            given: takes the states that frozen layers computed, where the encoder is an upper part (`freezing`).
            view_width: how wide the teacher is whose insides are followed (`views`); None: nothing is.
        """
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
        self.given = given  # a part of the encoder too
        # Only where the widths differ must the student's states be brought to the teacher's; arXiv:1909.10351, eq. 8.
        needs_projection = distillation.weight_hidden > 0 and view_width not in (None, n_hidden)
        self.project = nn.Linear(n_hidden, view_width, bias=False) if needs_projection else nn.Identity()

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        positions: Tensor,
        targets: Tensor,
        soft_labels: Tensor | None = None,
        champion: Tensor | None = None,
        views: Tensor | None = None,
        viewed: Tensor | None = None,
        states: Tensor | None = None,
    ) -> dict[str, Tensor]:
        fit = self.training_config
        self.hand_over(states)
        if self.training and fit.word_dropout > 0:
            drawn = torch.rand(attention_mask.shape, device=attention_mask.device)
            attention_mask = drop_words(attention_mask, drawn, share=fit.word_dropout)
        inputs, asked = (input_ids, attention_mask, positions), (targets, soft_labels)
        attacked = self.training and fit.adversarial_radius > 0
        with watched_front(self.encoder.backbone) if attacked else nullcontext() as front:
            vectors, inner = self._read(inputs, views, viewed)
            loss = self._loss(vectors, *asked)
            if self.training and fit.weight_r_drop > 0:
                others = self.encoder.vectors(*inputs)
                apart = agreement_loss(self.logits(vectors), self.logits(others), activation=self.activation)
                loss = (loss + self._loss(others, *asked)) / 2 + fit.weight_r_drop * apart
            if inner is not None:
                loss = loss + inner
            if champion is not None:
                apart = champion_loss(self.logits(vectors), champion, activation=self.activation)
                loss = loss + self.distillation.weight_champion * apart
            if front is not None:
                front.shift = self._worst_shift(loss, front, attention_mask)
                loss = loss + self._loss(self.encoder.vectors(*inputs), *asked)
        return {"loss": loss}

    def hand_over(self, states: Tensor | None) -> None:
        """Have the encoder go on from what frozen layers computed; None: it has all its layers."""
        if self.given is not None:
            self.given.states = states

    def _read(
        self, inputs: tuple[Tensor, Tensor, Tensor], views: Tensor | None, viewed: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """Return the vectors, and what the encoder's insides lose against the teacher's, where those are known."""
        if views is None or viewed is None:
            return self.encoder.vectors(*inputs), None
        weights = self.distillation
        follows, relates = weights.weight_hidden > 0, weights.weight_relations > 0
        layers = range(1, len(layers_of(self.encoder.backbone)) + 1) if follows else range(0)
        with recorded(self.encoder.backbone, layers, relations=relates) as seen:
            vectors = self.encoder.vectors(*inputs)
        loss = vectors.new_zeros(())
        n_hidden = views.shape[2] - 3 * relates
        if follows:
            # Of layers that stay as they are (`freeze_layers`) the encoder here has none: its own are the upper ones.
            theirs = views[:, :, n_hidden - len(layers) : n_hidden]
            loss = weights.weight_hidden * hidden_loss(
                [self.project(one) for one in seen.hidden.values()], theirs, viewed
            )
        if relates:
            ours = seen.stacked((), relations=True)
            apart = relation_loss(ours, views[:, :, n_hidden:], viewed, n_heads=weights.relation_heads)
            loss = loss + weights.weight_relations * apart
        return vectors, loss

    def _loss(self, vectors: Tensor, targets: Tensor, soft_labels: Tensor | None) -> Tensor:
        fit = self.training_config
        if self.training and fit.mixup > 0 and len(vectors) > 1:
            share = float(torch.distributions.Beta(fit.mixup, fit.mixup).sample())
            order = torch.randperm(len(vectors)).to(vectors.device)
            logits = self.logits(mix_vectors(vectors, order, share=share))
            others = None if soft_labels is None else soft_labels[order]
            loss = share * self._answer_loss(logits, targets, soft_labels)
            loss = loss + (1.0 - share) * self._answer_loss(logits, targets[order], others)
        else:
            loss = self._answer_loss(self.logits(vectors), targets, soft_labels)
        has_pairs = self.encoder.unit == "text" and self.activation == "softmax"  # texts of one label are alike
        if isinstance(fit, TeacherConfig) and fit.weight_contrastive > 0 and has_pairs:
            pulled = contrastive_loss(vectors.float(), targets, temperature=fit.contrastive_temperature)
            loss = loss + fit.weight_contrastive * pulled
        return loss

    def _answer_loss(self, logits: Tensor, targets: Tensor, soft_labels: Tensor | None) -> Tensor:
        return student_loss(
            logits,
            targets,
            soft_labels,
            temperature=self.distillation.temperature,
            weight_soft=self.distillation.weight_soft,
            weight_hard=self.distillation.weight_hard,
            smoothing=self.training_config.label_smoothing,
            by_confidence=self.distillation.by_confidence,
            activation=self.activation,
        )

    def _worst_shift(self, loss: Tensor, front: Front, mask: Tensor) -> Tensor:
        assert front.states is not None
        (gradient,) = torch.autograd.grad(loss, front.states, retain_graph=True)
        return worst_shift(gradient, front.states.detach(), mask, radius=self.training_config.adversarial_radius)

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
