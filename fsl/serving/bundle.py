"""The bundle: the folder that is judged, registered and served.

| file | what |
|---|---|
| `bundle.json` | this module's `BundleFacts` |
| `encoder.onnx` | `input_ids`, `attention_mask` (batch, length) int64 -> `embeddings`, float32, of unit length: (batch, hidden) for texts, (batch, length, hidden) for words |
| `head.onnx` | `embeddings` (n_units, hidden) float32 -> `probabilities` (n_units, n_outputs) float32, calibrated |
| `tokenizer.json` | of the `tokenizers` library |
| `README.md` | the model card |

Two graphs, so that a new head is kilobytes and stored embeddings are those of the served encoder.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from fsl.serving.errors import BundleDamaged

SCHEMA = 1
FACTS, ENCODER, HEAD, TOKENIZER, CARD = "bundle.json", "encoder.onnx", "head.onnx", "tokenizer.json", "README.md"


@dataclass(frozen=True)
class BundleFacts:
    """What a predictor must know beside the graphs."""

    problem: str  # the kind
    labels: tuple[str, ...]
    encoder: str  # SHA-256 of encoder.onnx: embeddings of two encoders are never compared
    precision: str  # "int8" or "float32"
    max_length_tokens: int
    schema: int = SCHEMA


def write_facts(folder: Path, facts: BundleFacts) -> None:
    """Write `bundle.json`."""
    text = json.dumps(asdict(facts), ensure_ascii=False, indent=2, sort_keys=True)
    (folder / FACTS).write_text(text + "\n", encoding="utf-8")


def read_facts(folder: Path) -> BundleFacts:
    """Read `bundle.json` and see that every file is there. Raises BundleDamaged."""
    for name in (FACTS, ENCODER, HEAD, TOKENIZER):
        if not (folder / name).is_file():
            raise BundleDamaged(str(folder), name, "it is missing")
    try:
        values = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        if values["schema"] > SCHEMA:
            raise BundleDamaged(
                str(folder), FACTS, f"its schema {values['schema']} is newer than this program's {SCHEMA}"
            )
        return BundleFacts(**{**values, "labels": tuple(values["labels"])})
    except (ValueError, TypeError, KeyError) as error:
        raise BundleDamaged(str(folder), FACTS, f"it does not read as a bundle ({error})") from error
