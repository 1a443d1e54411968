"""Where a graph runs: the place that the config likes best, or the next, and always an answer."""

import logging
from pathlib import Path

import pytest

from fsl.serving.errors import BundleDamaged
from fsl.serving.predictor import Predictor
from fsl.serving.sessions import open_graph


@pytest.mark.parametrize("providers", [("cpu",), ("cuda", "cpu"), ("tensorrt", "cuda"), ("openvino",), ()])
def test_what_this_machine_does_not_have_is_passed_over_and_the_log_says_so(
    text_bundle: Path, providers: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="fsl")

    session = open_graph(text_bundle, "encoder.onnx", 1, providers)

    assert session.get_providers() == ["CPUExecutionProvider"]
    missing = [one for one in providers if one != "cpu"]
    assert sum("this onnxruntime has no" in record.message for record in caplog.records) == len(missing)
    assert caplog.records[-1].message == "encoder.onnx runs on CPUExecutionProvider"


def test_a_place_that_is_there_but_fails_is_passed_over_too(
    text_bundle: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    import onnxruntime as ort

    real = ort.InferenceSession

    def fail(path: str, options: object, providers: list[str], **more: object) -> object:
        if "CUDAExecutionProvider" in providers:
            raise RuntimeError("no device")
        return real(path, options, providers=providers, **more)

    monkeypatch.setattr(ort, "get_available_providers", lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"])
    monkeypatch.setattr(ort, "InferenceSession", fail)

    predictor = Predictor.load(text_bundle, providers=("cuda",))

    assert len(predictor.predict(["hello"])) == 1
    assert "CUDAExecutionProvider does not run it: no device" in caplog.text


def test_a_graph_of_a_newer_opset_is_named(text_bundle: Path, tmp_path: Path) -> None:
    import onnx

    model = onnx.load(text_bundle / "encoder.onnx")
    model.opset_import[0].version = 99
    onnx.save(model, tmp_path / "encoder.onnx")

    with pytest.raises(BundleDamaged, match=r"encoder\.onnx in the bundle .* cannot be used: .*[Oo]pset"):
        open_graph(tmp_path, "encoder.onnx", 1)
