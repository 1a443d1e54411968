"""The bundle: the folder that is judged, registered and served.

| file | what |
|---|---|
| `bundle.json` | this module's `BundleFacts` |
| `encoder.onnx` | `input_ids` and `attention_mask`, int64 (batch, length), to `embeddings`, float32, of length one |
| `head.onnx` | `embeddings` (n_units, hidden) to `probabilities` and `logits` (n_units, n_outputs), float32 |
| `tokenizer.json` | of the `tokenizers` library |
| `README.md` | the model card |

Embeddings are (batch, hidden) where a unit is a text, and (batch, length, hidden) where it is a word. There are two
graphs, so that a new head is kilobytes and stored embeddings are those of the served encoder. A classifier's head also
gives `scope` (n_units,), float32: minus the squared distance to the nearest label's mean.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from fsl.problems import KINDS
from fsl.serving.abstention import NO_LIMITS, Limits
from fsl.serving.errors import BundleDamaged

SCHEMA = 3  # 1 knows no limits, and its head may give no scope; 2 knows no windows
MOST_WINDOWS = 64
Precision = Literal["int8", "float16", "float32"]
FACTS, ENCODER, HEAD, TOKENIZER, CARD = "bundle.json", "encoder.onnx", "head.onnx", "tokenizer.json", "README.md"


@dataclass(frozen=True)
class BundleFacts:
    """What a predictor must know beside the graphs."""

    problem: str  # the kind
    labels: Annotated[tuple[str, ...], Field(min_length=1)]
    encoder: str  # SHA-256 of encoder.onnx: embeddings of two encoders are never compared
    precision: Precision
    max_length_tokens: Annotated[int, Field(ge=2)]
    max_windows: Annotated[int, Field(ge=1, le=MOST_WINDOWS)] = 1  # a longer text is read in up to so many pieces
    batched: bool = False  # measured, answers do not depend on the texts that run beside them
    limits: Limits = NO_LIMITS  # what is left unanswered
    thresholds: tuple[Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)], ...] = ()  # by output; none: 0.5
    schema: int = SCHEMA

    @property
    def vectors(self) -> str:
        """Name what makes the vectors: the encoder, and how much of a text it is shown."""
        if self.max_windows == 1:
            return self.encoder
        return f"{self.encoder}-{self.max_windows}x{self.max_length_tokens}"


def write_facts(folder: Path, facts: BundleFacts) -> None:
    """Write `bundle.json`."""
    text = json.dumps(asdict(facts), ensure_ascii=False, indent=2, sort_keys=True)
    (folder / FACTS).write_text(text + "\n", encoding="utf-8")


def read_facts(folder: Path) -> BundleFacts:
    """Read `bundle.json`, whatever it is, and see that every file is there. Raises BundleDamaged."""
    for name in (FACTS, ENCODER, HEAD, TOKENIZER):
        if not (folder / name).is_file():
            raise BundleDamaged(str(folder), name, "it is missing")
    try:
        data = (folder / FACTS).read_bytes()
        schema = int(json.loads(data)["schema"])
        if schema > SCHEMA:
            raise BundleDamaged(str(folder), FACTS, f"its schema {schema} is newer than this program's {SCHEMA}")
        facts = TypeAdapter(BundleFacts).validate_json(data, strict=True)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise BundleDamaged(str(folder), FACTS, f"it does not read as a bundle ({reason})") from error
    if facts.problem not in KINDS:
        raise BundleDamaged(str(folder), FACTS, f"this program knows no problem of the kind {facts.problem!r}")
    return facts
