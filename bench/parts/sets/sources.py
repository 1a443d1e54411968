"""The public data sets that benchmarks read: repository, commit, paths, licence, and what the figures were measured on.

The files that were measured on came from the same repositories. Of three of them only the begin of the commit was
recorded; named here is a commit of which it is known in full, with the file as measured on (Few-NERD, gold headlines:
it has one version) or with the same texts as far as seen (CFPB: other versions differ in columns that are not read).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench.parts.sets import entities, texts
from bench.parts.sets.rows import Raw, Splits


@dataclass(frozen=True)
class Measured:
    """A file that the published figures were measured on."""

    n_rows: int
    sha256: str


@dataclass(frozen=True)
class Source:
    """One data set: where its raw files lie, what becomes of them, and what should come out."""

    repository: str
    commit: str
    paths: tuple[str, ...]
    licence: str
    convert: Callable[[Raw], Splits]
    measured: Mapping[str, Measured]  # by split


SOURCES: Mapping[str, Source] = {
    "banking77": Source(
        repository="PolyAI-LDN/task-specific-datasets",
        commit="57ec275d8078af65b7731c2a98be812d844a6d6b",
        paths=tuple(f"{texts.BANKING}/{split}.csv" for split in ("train", "test")),
        licence="CC BY 4.0",
        convert=texts.banking77,
        measured={
            "train": Measured(10003, "bb48d842d5d25bc2f66b6f1f1a9573c398ccb5ebcc9d4b66051d4ce26a82e6b4"),
            "test": Measured(3080, "e5ff8f8feeb9b659d895795acc66364d930216bb8b0bcf43ca911f54861cf7b0"),
        },
    ),
    "clinc150": Source(
        repository="clinc/oos-eval",
        commit="828f8093932c8fe6ca7936c3d2e52903b1c523de",
        paths=(texts.CLINC_TEXTS, texts.CLINC_DOMAINS),
        licence="CC BY 3.0",
        convert=texts.clinc150,
        measured={
            "train": Measured(15100, "ce8ce146e86b092b8d18bfbf6b2adaf310fabced4e48c704e0d1bf0459fd8d81"),
            "dev": Measured(3100, "bbc9c75bc0e5e01abf3e8f678fd749ea065fe8a2ba8d368e0373a43622a9a702"),
            "test": Measured(5500, "128da0b1b36e31d5205710b7045cc40306f369f32bb476ace78bf1ff1d62e986"),
        },
    ),
    "financial_phrasebank": Source(
        repository="wychen-null/project_nlp_cuda",
        commit="1ea075323700e41e09f22fcc1682765177945f08",
        paths=tuple(texts.PHRASES.format(name) for name in texts.AGREEMENTS.values()),
        licence="CC BY-NC-SA 3.0, so not for commercial use",
        convert=texts.financial_phrasebank,
        measured={
            "train": Measured(3866, "e0312107487d96071cd79e054aa3925d67a97b2db61558178c72a9dd19e074f6"),
            "test": Measured(967, "44cd5758618661adfdef9b96655c03585cc5061f1007df5516d09c2cee297e24"),
        },
    ),
    "gold_headlines_dated": Source(
        repository="TGajanan/Sentiment-Analysis-of-Commodity-News-Gold-NLP",
        commit="b3206d03ec35563c62f89942470e4487a9e931f7",
        paths=(texts.GOLD,),
        licence="none stated in the repository, so look it up before passing the texts on",
        convert=texts.gold_headlines_dated,
        measured={
            "train": Measured(5493, "d9db5862dbfa02ebaccdb56dff858f71cefc592e19fc5fc11f7e4e59cf862db0"),
            "test": Measured(5072, "3bef3b6f6a491da10d3e4b97b452ebf0435c241257cd6b40a769b371816fe5e1"),
        },
    ),
    "cfpb_complaints_dated": Source(
        repository="joliem/survey-response-coder",
        commit="d79e61bdf7fe6d5fe25964f0282e17a9540cf2d1",
        paths=(texts.CFPB,),
        licence="MIT for the repository; the complaints are a US agency's, public domain by usual practice",
        convert=texts.cfpb_complaints_dated,
        measured={
            "train": Measured(763, "84901e1919dd3609be81f5fe65522edcc9adfec8a7dc09da1f84da852865a89b"),
            "test": Measured(1237, "21f1f84fc8cea351c1a0313508949b78fe1acd24b3cb88b0d40f06ce1176ed96"),
        },
    ),
    "support_unlabelled_multidogo": Source(
        repository="awslabs/multi-domain-goal-oriented-dialogues-dataset",
        commit="baa30639c4b271f394b81443c842193407cdf26d",
        paths=tuple(texts.TURNS.format(domain, split) for domain in texts.DOMAINS for split in ("train", "test")),
        licence="CDLA-Permissive 1.0",
        convert=texts.support_unlabelled_multidogo,
        measured={
            "train": Measured(19875, "34cc0290c27bf9976b36084adc4cbfb60c92587fe4e848dac01fe237ebc051c0"),
            "test": Measured(4753, "dbfe10e50aa5bbbecbd050565b8b2f83a5403784f0e3375db4d853f6ac4ef14f"),
        },
    ),
    "wnut17": Source(
        repository="leondz/emerging_entities_17",
        commit="e52a2d2a71ac1a051ca2d532eef28653c5c02603",
        paths=tuple(entities.WNUT.values()),
        licence="CC BY 4.0",
        convert=entities.wnut17,
        measured={
            "train": Measured(3394, "aec46fa8c24ed7b1d6cd7e3ed7cc83ca4b3fe87177290a30df9ac4aa23fc11b9"),
            "dev": Measured(1009, "d06adf4ce6b51ddcb865eca9c84753449ae1f877629a250cfb56d0c31db3b78f"),
            "test": Measured(1287, "f4ea34dd94bfcb2248f66b6ea760a27e1555f54e52d27d71465a0bf1ba5c81a5"),
        },
    ),
    "fewnerd_small": Source(
        repository="antonioloison/structshot",
        commit="f74ba9cd1e71f07ef4d75d647adc19e50084159f",
        paths=tuple(entities.FEWNERD.values()),
        licence="CC BY-SA 4.0",
        convert=entities.fewnerd_small,
        measured={
            "train": Measured(5000, "66880691a29717fadfb2415ce15d3d60dc2b3d89b8a1a6bfb3dc94e9ecbec57a"),
            "test": Measured(2500, "fdcdbc166dac684b509dcb93fd200f368d86ad04d78ec9927187b675e807309e"),
            "novel": Measured(4000, "363e8bad08a2d1800a169e09e344aaffe5d329e5b70c08dceb8921f631490fdb"),
        },
    ),
}
