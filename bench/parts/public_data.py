"""The public data sets of the benchmarks: where they lie, and their texts as vectors of the packaged encoder."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).parents[2]
OUT_OF_SCOPE = "oos"  # CLINC150's texts that have no intent; finding them is a question of its own


def data_folder() -> Path:
    """Return where the public data sets lie."""
    return Path(os.environ.get("FSL_BENCH_DATA", ROOT.parent / "shared" / "data"))


def not_measured(heading: str, missing: Path) -> str:
    """Return the section of a benchmark whose data is missing."""
    return (
        f"## {heading}\n\nNot measured: there is no {missing}. `FSL_BENCH_DATA` names the data sets' folder; "
        "`python -m bench.fetch` gets them.\n"
    )


def embed_texts(texts: Sequence[str]) -> NDArray[np.float32]:
    """Return vectors of the packaged encoder, (n_texts, hidden size)."""
    from fsl.config import EncoderConfig
    from fsl.learning.encoders import embed, load_encoder

    encoder = load_encoder(EncoderConfig(), role="student", unit="text")
    reader = encoder.reader("text")
    return embed(encoder.network, reader, reader.read(list(texts)))
