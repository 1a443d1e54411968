"""Several students in a row: the vectors of one spread the labels from which the next one learns.

A distilled student's vectors part the labels better than those of any untouched encoder, so neighbours along them
agree more often. What is spread is joined with what the teachers said, as one source among two.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fsl.config import LearningConfig
from fsl.learning.encoders import UnitEncoder, embed
from fsl.learning.heads import Head
from fsl.learning.propagation import join_soft_labels
from fsl.learning.sources import adapted_source, spread
from fsl.learning.teacher import SoftLabels
from fsl.learning.training.batches import Lesson
from fsl.learning.training.lessons import stack_targets
from fsl.problems.base import Activation
from fsl.samples import Sample
from fsl.tokenization import TextReader

log = logging.getLogger(__name__)


def spread_again(
    network: UnitEncoder,
    head: Head,
    train: Sequence[Sample],
    pool: Sequence[Sample],
    lessons: Sequence[Lesson],
    soft_labels: SoftLabels,
    reader: TextReader,
    config: LearningConfig,
    *,
    activation: Activation,
) -> SoftLabels:
    """Return the soft labels of train rows and pool, joined with what a student's vectors spread.

    Args:
        lessons: of the train rows, in their order; each text is one unit.
        soft_labels: what that student learnt from.

    Source:
        Iscen et al. 2019, Label Propagation for Deep Semi-supervised Learning, arXiv:1904.04717, section 4.3.
    """
    rows = [sample.row_id for sample in (*train, *pool)]
    encoded = [*(one.encoded for one in lessons), *reader.read([sample.text for sample in pool])]
    source = adapted_source("the student before", embed(network, reader, encoded), head)
    found = spread(source, stack_targets(lessons), config.propagation, seed=config.seed).probabilities
    before = np.concatenate([soft_labels.by_row[row] for row in rows])
    joint = join_soft_labels([before, found], (0.5, 0.5), activation=activation)
    changed = float((joint.argmax(axis=1) != before.argmax(axis=1)).mean())
    log.info("student: its vectors spread the labels once more; %.1f%% of the texts are told otherwise", 100 * changed)
    return replace(soft_labels, by_row={row: joint[place : place + 1] for place, row in enumerate(rows)})
