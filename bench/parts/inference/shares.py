"""Where the time goes: the int8 products' share of what this machine can multiply, step by step; and the head alone."""

import json
import math
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from bench.cells import Facts

BATCH, LENGTH = 32, 64
WIDTHS = (4, 8, 16, 32)


def measure_share(bundle: Path, *, seconds: float) -> Facts:
    """Return how near the encoder comes to the rate of its own products, at batch 32 and 64 tokens, on one thread.

    It is asked twice: in one run, and as the predictor serves such a batch, in runs of as many texts as stay in cache.
    """
    import onnx
    import onnxruntime as ort

    from fsl.serving.predictor import TOKENS_TOGETHER

    model = onnx.load(bundle / "encoder.onnx")
    shapes = _product_shapes(model)
    ideal = sum(_product_seconds(BATCH * LENGTH, k, n, seconds / 20) for k, n in shapes)
    rng = np.random.default_rng(0)
    feeds = {
        "input_ids": rng.integers(1000, 20_000, (BATCH, LENGTH)),
        "attention_mask": np.ones((BATCH, LENGTH), np.int64),
    }
    plain = _session(ort, bundle / "encoder.onnx")
    taken = _least_seconds(lambda: plain.run(None, feeds), seconds)
    width = max(1, TOKENS_TOGETHER // LENGTH)
    parts = [{name: ids[start : start + width] for name, ids in feeds.items()} for start in range(0, BATCH, width)]
    served = _least_seconds(lambda: [plain.run(None, part) for part in parts], seconds)
    operations = 2 * sum(BATCH * LENGTH * k * n for k, n in shapes)
    return {
        "share": ideal / taken,
        "served_share": ideal / served,
        "width": width,
        "ms": 1000 * taken,
        "product_gops": operations / ideal / 1e9,
        "steps": _steps(ort, bundle, [feeds]),
        "served_steps": _steps(ort, bundle, parts),
    }


def _steps(ort: Any, bundle: Path, batches: list[dict[str, Any]]) -> dict[str, float]:
    """Return each kind of step's share of the time, the largest eight."""
    with tempfile.TemporaryDirectory() as scratch:
        profiled = _session(ort, bundle / "encoder.onnx", profile=str(Path(scratch) / "profile"))
        for _ in range(5):
            for feeds in batches:
                profiled.run(None, feeds)
        events = json.loads(Path(profiled.end_profiling()).read_text())
    steps: dict[str, float] = defaultdict(float)
    for event in events:
        if event.get("cat") == "Node" and str(event["name"]).endswith("_kernel_time"):
            steps[event["args"]["op_name"]] += event["dur"]
    whole = sum(steps.values())
    return {name: value / whole for name, value in sorted(steps.items(), key=lambda one: -one[1])[:8]}


def measure_tokeniser(bundle: Path, texts: list[str]) -> Facts:
    """Return how long reading, running and decoding take for a stream, as shares of the whole."""
    from fsl.serving.predictor import Predictor

    predictor = Predictor.load(bundle, n_threads=1)
    predictor.predict(texts)
    started = time.perf_counter()
    encoded = predictor.read(texts)
    read = time.perf_counter()
    predictor.embed(encoded)
    run = time.perf_counter()
    predictor.predict(texts)
    whole = time.perf_counter() - run
    return {"read": (read - started) / whole, "encode": (run - read) / whole, "ms_per_text": 1000 * whole / len(texts)}


def measure_widths(bundle: Path, texts: list[str], *, rounds: int) -> dict[str, float]:
    """Return the rows a second of a stream by what runs together, in turns, the best of the rounds."""
    from fsl.serving.predictor import Predictor

    predictor = Predictor.load(bundle, n_threads=1)
    forms = {f"{predictor.tokens_together:.0f} tokens": (predictor.batch_size, predictor.tokens_together)}
    forms |= {"1 text": (1, math.inf)} | {f"{width} texts": (width, math.inf) for width in WIDTHS}
    best: dict[str, float] = {}
    for _ in range(rounds):
        for name, (predictor.batch_size, predictor.tokens_together) in forms.items():
            started = time.perf_counter()
            predictor.predict(texts)
            rate = len(texts) / (time.perf_counter() - started)
            best[name] = max(rate, best.get(name, 0.0))
    return best


def _product_shapes(model: Any) -> list[tuple[int, int]]:
    dims = {one.name: tuple(one.dims) for one in model.graph.initializer}
    kinds = ("MatMulIntegerToFloat", "QAttention", "MatMul", "Attention")
    found = [dims.get(node.input[1], ()) for node in model.graph.node if node.op_type in kinds]
    return [(shape[0], shape[1]) for shape in found if len(shape) == 2]


def _product_seconds(m: int, k: int, n: int, seconds: float) -> float:
    import onnxruntime as ort
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(0)
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["x", "w", "zero"], ["y"])],
        "product",
        [helper.make_tensor_value_info("x", TensorProto.UINT8, [m, k])],
        [helper.make_tensor_value_info("y", TensorProto.INT32, [m, n])],
        [
            numpy_helper.from_array(rng.integers(-127, 127, (k, n)).astype(np.int8), "w"),
            numpy_helper.from_array(np.asarray(128, np.uint8), "zero"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    session = _session(ort, model.SerializeToString())
    feeds = {"x": rng.integers(0, 255, (m, k)).astype(np.uint8)}
    return _least_seconds(lambda: session.run(None, feeds), seconds)


def _session(ort: Any, model: Any, profile: str = "") -> Any:
    """Open a graph as the predictor does, on one thread."""
    from fsl.serving.sessions import HARMFUL

    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    if profile:
        options.enable_profiling = True
        options.profile_file_prefix = profile
    source = model if isinstance(model, bytes) else str(model)
    return ort.InferenceSession(source, options, ["CPUExecutionProvider"], disabled_optimizers=list(HARMFUL))


def _least_seconds(run: Any, seconds: float) -> float:
    run()
    times = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 3:
        started = time.perf_counter()
        run()
        times.append(time.perf_counter() - started)
    return min(times)
