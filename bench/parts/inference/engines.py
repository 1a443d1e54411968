"""One engine, timed in a process of its own: `python engines.py JOB.json`, which prints a line of JSON.

It runs in the peers' environment, too, so each engine imports its own packages and nothing of fsl but its own engine
does. All engines get the same encoder, the same head and the same texts, and answer with the index of a label.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

Answer = Callable[[Sequence[str]], list[int]]


def main() -> None:
    """Load the engine, time it, print what was found."""
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    started = time.perf_counter()
    answer = ENGINES[job["engine"]](job)
    first = answer([job["warm"]])
    loaded = time.perf_counter() - started
    found: dict[str, Any] = {"engine": job["engine"], "first_answer_seconds": loaded, "labels": {}, "sets": {}}
    assert len(first) == 1
    for name, texts in job["sets"].items():
        found["sets"][name], found["labels"][name] = _time(answer, texts, job["n_single"])
    found["rss_mb"] = _resident()
    found["load"] = os.getloadavg()[0]
    print(json.dumps(found))


def _time(answer: Answer, texts: list[str], n_single: int) -> tuple[dict[str, float], list[int]]:
    for text in texts[:5]:
        answer([text])
    times = []
    for text in texts[:n_single]:
        started = time.perf_counter()
        answer([text])
        times.append(1000 * (time.perf_counter() - started))
    rates, labels = [], []
    for _ in range(3):
        started = time.perf_counter()
        labels = answer(texts)
        rates.append(len(texts) / (time.perf_counter() - started))
    times.sort()
    p95 = times[int(0.95 * (len(times) - 1))]
    return {"p50_ms": statistics.median(times), "p95_ms": p95, "rows_per_second": max(rates)}, labels


def _resident() -> float:
    """Return the resident memory, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _head(job: dict[str, Any]) -> Callable[[Any], list[int]]:
    import numpy as np

    head = np.load(job["head"])
    weight, bias = head["weight"], head["bias"]
    return lambda vectors: [int(one) for one in (np.asarray(vectors, np.float32) @ weight + bias).argmax(axis=1)]


def fsl(job: dict[str, Any]) -> Answer:
    """Our predictor, on the bundle that the job names."""
    from fsl.serving.predictor import Predictor

    predictor = Predictor.load(Path(job["bundle"]), n_threads=job["threads"])
    names = {label: row for row, label in enumerate(predictor.outputs)}
    return lambda texts: [names[str(one.answer.target)] for one in predictor.predict(list(texts))]


def _torch(job: dict[str, Any]) -> Any:
    import torch

    torch.set_num_threads(job["threads"])
    return torch


def eager(job: dict[str, Any]) -> Answer:
    """transformers' model as it is, mean pooling, batches of 32 sorted by length."""
    torch = _torch(job)
    from transformers import AutoModel, AutoTokenizer

    kind = torch.bfloat16 if job["bf16"] else torch.float32
    model = AutoModel.from_pretrained(job["model"]).to(kind).eval()
    tokenizer = AutoTokenizer.from_pretrained(job["model"])
    head = _head(job)

    def answer(texts: Sequence[str]) -> list[int]:
        order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
        found = [0] * len(texts)
        with torch.inference_mode():
            for start in range(0, len(order), 32):
                rows = order[start : start + 32]
                batch = tokenizer(
                    [texts[row] for row in rows],
                    padding=True,
                    truncation=True,
                    max_length=job["max_length"],
                    return_tensors="pt",
                )
                states = model(**batch).last_hidden_state.float()
                mask = batch["attention_mask"].unsqueeze(-1).float()
                vectors = torch.nn.functional.normalize((states * mask).sum(1) / mask.sum(1), dim=-1)
                for row, label in zip(rows, head(vectors.numpy()), strict=True):
                    found[row] = label
        return found

    return answer


def pipeline(job: dict[str, Any]) -> Answer:
    """transformers' own pipeline, with its own batching."""
    torch = _torch(job)
    from transformers import pipeline as build

    kind = torch.bfloat16 if job["bf16"] else torch.float32
    extract = build("feature-extraction", model=job["model"], dtype=kind, device="cpu")
    head = _head(job)

    def answer(texts: Sequence[str]) -> list[int]:
        options = {"tokenize_kwargs": {"truncation": True, "max_length": job["max_length"]}}
        outputs = extract(list(texts), batch_size=1 if len(texts) == 1 else 32, return_tensors=True, **options)
        # With batches, padding stays in: a pipeline pools nothing. The mean over all of it is what its users take.
        vectors = [torch.nn.functional.normalize(one[0].float().mean(0), dim=-1).detach().numpy() for one in outputs]
        return head(vectors)

    return answer


def sentence_transformers(job: dict[str, Any]) -> Answer:
    """sentence-transformers in PyTorch, with its own sorting and batching."""
    torch = _torch(job)
    return _encoding(_sentence_model(job, torch), job)


def onnx_int8(job: dict[str, Any]) -> Answer:
    """sentence-transformers' ONNX backend, quantised by its own function for this processor."""
    _torch(job)
    import onnxruntime
    from sentence_transformers import SentenceTransformer, export_dynamic_quantized_onnx_model

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = job["threads"]
    folder = Path(job["scratch"]) / "st-onnx"
    if not (folder / "onnx" / "model_qint8_avx512_vnni.onnx").is_file():
        model = SentenceTransformer(job["sentence_model"], backend="onnx", model_kwargs={"export": True})
        model.save_pretrained(str(folder))
        export_dynamic_quantized_onnx_model(model, "avx512_vnni", str(folder))
    kwargs = {
        "file_name": "onnx/model_qint8_avx512_vnni.onnx",
        "provider": "CPUExecutionProvider",
        "session_options": options,
    }
    model = SentenceTransformer(str(folder), backend="onnx", model_kwargs=kwargs)
    model.max_seq_length = job["max_length"]
    return _encoding(model, job)


def setfit(job: dict[str, Any]) -> Answer:
    """SetFit's own predict, with a scikit-learn head of the same weights."""
    torch = _torch(job)
    import numpy as np
    from setfit import SetFitModel
    from sklearn.linear_model import LogisticRegression

    head, saved = LogisticRegression(), np.load(job["head"])
    head.classes_, head.coef_, head.intercept_ = np.arange(len(saved["bias"])), saved["weight"].T, saved["bias"]
    model = SetFitModel(model_body=_sentence_model(job, torch), model_head=head)
    return lambda texts: [int(one) for one in model.predict(list(texts), use_labels=False)]


def _sentence_model(job: dict[str, Any], torch: Any) -> Any:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(job["sentence_model"], device="cpu")
    model.max_seq_length = job["max_length"]
    return model.to(torch.bfloat16) if job["bf16"] else model


def _encoding(model: Any, job: dict[str, Any]) -> Answer:
    head = _head(job)

    def answer(texts: Sequence[str]) -> list[int]:
        vectors = model.encode(list(texts), batch_size=32, normalize_embeddings=True, convert_to_tensor=True)
        return head(vectors.float().cpu().numpy())

    return answer


ENGINES: dict[str, Callable[[dict[str, Any]], Answer]] = {
    "fsl": fsl,
    "eager": eager,
    "pipeline": pipeline,
    "sentence-transformers": sentence_transformers,
    "setfit": setfit,
    "onnx-int8": onnx_int8,
}

if __name__ == "__main__":
    main()
