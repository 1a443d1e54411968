"""Meta-learning: a start from which an adapter and a head learn few labels sooner.

`episodes` draws who is shown and who is asked; `rules` is the arithmetic of MAML, Reptile and prototypes on any
weights and losses; `losses` says what an episode's losses are for an encoder of texts; `start` puts them together.
Whether such a start helps is never taken for granted: `fsl.learning.student` asks held-out rows.
"""

from fsl.learning.meta.episodes import Episode, draw_across, draw_episodes
from fsl.learning.meta.start import learn_start

__all__ = ["Episode", "draw_across", "draw_episodes", "learn_start"]
