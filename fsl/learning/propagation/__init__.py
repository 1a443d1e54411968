"""Soft labels over unlabelled texts: labels spread along a graph of neighbours, joined with what teachers think."""

from fsl.learning.propagation.joining import join_soft_labels
from fsl.learning.propagation.neighbours import Neighbours, find_neighbours
from fsl.learning.propagation.spreading import spread_labels

__all__ = ["Neighbours", "find_neighbours", "join_soft_labels", "spread_labels"]
