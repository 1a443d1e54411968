"""Meta-learning: a start from which an adapter and a head learn few labels sooner.

`episodes` draws who is shown and who is asked, `span_episodes` where words have tags; `rules` is the arithmetic of
MAML, Reptile and prototypes on any weights and losses; `losses` says what an episode's losses are for an encoder of
texts, `span_losses` for one of words; `start` puts them together.
Whether such a start helps is never taken for granted: `fsl.learning.student` asks held-out rows.
"""

from fsl.learning.meta.episodes import Episode, draw_across, draw_episodes
from fsl.learning.meta.span_episodes import draw_span_episodes
from fsl.learning.meta.start import learn_start, why_no_episode

__all__ = ["Episode", "draw_across", "draw_episodes", "draw_span_episodes", "learn_start", "why_no_episode"]
