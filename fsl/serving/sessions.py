"""The door to ONNX Runtime: a graph opened where the config wants it to run, or at the next best place."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fsl.serving.bundle import HEAD
from fsl.serving.errors import BundleDamaged
from fsl.serving.int8_products import overflows_here

log = logging.getLogger(__name__)

_NAMES = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
}
_CPU = _NAMES["cpu"]
# On CPUs these make one slow step of two quick ones: measured, a fused skip and norm takes seven times as long.
HARMFUL = ("SkipLayerNormFusion", "BiasGeluFusion")


def open_graph(folder: Path, name: str, n_threads: int, providers: Sequence[str] = ("cpu",)) -> Any:
    """Return a session on a bundle's graph. Raises BundleDamaged where even the CPU cannot run it.

    Args:
        providers: as the config calls them, the one that is liked best first; the CPU stands behind them all.
    """
    import onnxruntime as ort

    here = set(ort.get_available_providers())
    for provider in (*providers, "cpu"):
        full = _NAMES[provider]
        if full not in here:
            log.warning("%s: this onnxruntime has no %s; trying the next of %s", name, full, ", ".join(providers))
            continue
        try:
            session = _open(folder / name, n_threads, [full] if full == _CPU else [full, _CPU])
        except Exception as error:  # onnxruntime's own errors share no base class but this
            if full == _CPU:
                raise BundleDamaged(str(folder), name, " ".join(str(error).split())[:200]) from error
            log.warning("%s: %s does not run it: %s", name, full, " ".join(str(error).split())[:200])
            continue
        log.info("%s runs on %s", name, session.get_providers()[0])
        return session
    raise BundleDamaged(str(folder), name, "this onnxruntime has no CPUExecutionProvider")


def runs_on_cpu(session: Any) -> bool:
    """Say whether a session that `open_graph` gave runs on the CPU."""
    return bool(session.get_providers()[0] == _CPU)


def _open(path: Path, n_threads: int, providers: Sequence[str]) -> Any:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = n_threads
    options.log_severity_level = 3
    if path.name != HEAD and overflows_here():
        # Slower, and the answers are those that were judged; where nothing overflows it would only cost time. A head
        # has no int8 products, and ONNX Runtime 1.32 spoils its rounded means by this.
        options.add_session_config_entry("session.x64quantprecision", "1")
    disabled = list(HARMFUL) if providers[0] == _CPU else None
    return ort.InferenceSession(str(path), options, providers=list(providers), disabled_optimizers=disabled)
