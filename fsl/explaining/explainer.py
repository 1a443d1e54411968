"""One explanation: the answer, the words that carried it, and the nearest training rows."""

from dataclasses import dataclass
from pathlib import Path

from fsl.data.snapshots import SnapshotRef, load_samples
from fsl.evaluation.report.shown import describe_answer
from fsl.explaining.errors import NotExplained, NothingToExplain
from fsl.explaining.neighbours import TrainIndex, build_index, find_neighbours
from fsl.explaining.occlusion import weigh_words
from fsl.explaining.record import Explanation
from fsl.project import Project
from fsl.samples import Split
from fsl.serving.predictor import Predictor


@dataclass(frozen=True, eq=False)
class Explainer:
    """A loaded version with the rows that it learnt from."""

    predictor: Predictor
    index: TrainIndex

    def explain(self, text: str) -> Explanation:
        """Explain the answer to one text. Raises NothingToExplain, UnreadableText."""
        words = weigh_words(self.predictor, text)
        if not words:
            raise NothingToExplain()
        prediction = self.predictor.predict([text])[0]
        return Explanation(
            text=text,
            answer=describe_answer(prediction.answer.target, text),
            confidence=prediction.answer.confidence,
            words=words,
            neighbours=tuple(find_neighbours(self.index, prediction.embedding)),
            n_searched=len(self.index.samples),
            n_train=self.index.n_train,
        )


def load_explainer(project: Project, folder: Path, snapshot: str) -> Explainer:
    """Return an explainer for a bundle and the snapshot that it learnt from. Raises NotExplained for spans."""
    predictor = Predictor.load(folder)
    if predictor.problem.unit != "text":
        raise NotExplained(predictor.problem.kind)
    train = load_samples(project.store, SnapshotRef(snapshot), {Split.TRAIN})
    return Explainer(predictor, build_index(predictor, train, project.cache))
