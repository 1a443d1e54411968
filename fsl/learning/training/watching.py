"""What goes on beside a fit: progress, curves, good weights kept, and an end to one whose loss is no number.

Only the trainer's callback lives here; the fit is `fit`, where curves go is `tracking`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fsl.learning.errors import TrainingDiverged
from fsl.learning.training.keeping import Keeper
from fsl.learning.training.tracking import Track, ignore

Progress = Callable[[float], None]  # called with the share that is done, 0 to 1


@dataclass(frozen=True)
class Watched:
    """Who is told of a fit while it goes on."""

    role: str
    progress: Progress
    track: Track
    score: Callable[[], float] | None  # of held-out rows as the weights stand; None: there are none
    stop_score: Callable[[], float] | None = None  # of the rows that say when to stop; None: nothing stops early
    patience: int = 0  # epochs without a better one, after which the fit ends


def build_watch(keeper: Keeper, watched: Watched) -> Any:
    """Return the trainer's callback."""
    from transformers import TrainerCallback

    class Watch(TrainerCallback):  # type: ignore[misc]
        """Tells of every step and epoch."""

        def on_log(
            self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any
        ) -> None:
            if logs and not math.isfinite(float(logs.get("loss", 0.0))):
                raise TrainingDiverged(state.global_step, watched.role)
            if logs and "loss" in logs:
                keeper.trust()
                for name in ("loss", "learning_rate"):
                    watched.track(name, float(logs[name]), state.global_step)

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            watched.progress(state.global_step / max(state.max_steps, 1))

        def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            epoch = round(state.epoch)
            keeper.look(epoch)
            if watched.stop_score is not None and keeper.judge(epoch, watched.stop_score()) >= watched.patience:
                control.should_training_stop = True
            if watched.score is not None and watched.track is not ignore:
                watched.track("tune_score", watched.score(), state.global_step)

    return Watch()
