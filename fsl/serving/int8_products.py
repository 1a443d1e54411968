"""Whether this processor gets int8 products right by ONNX Runtime's quickest way.

Without VNNI (Intel before Ice Lake, AMD before Zen 4) x86 adds pairs of products in 16 bits: 255 x 127 twice does not
fit. Processors are asked, not recognised by name: emulators and new kinds answer for themselves.
"""

from functools import cache

import numpy as np

# An ONNX graph of one node: MatMulInteger of uint8 (1, 2) and int8 (2, 1). What serves has no `onnx` to make it with.
PRODUCT = (
    b'\x08\x08:\\\n\x18\n\x01a\n\x01b\x12\x01c"\rMatMulInteger\x12\x01gZ\x13\n\x01a\x12\x0e\n\x0c\x08\x02\x12\x08\n\x02'
    b"\x08\x01\n\x02\x08\x02Z\x13\n\x01b\x12\x0e\n\x0c\x08\x03\x12\x08\n\x02\x08\x02\n\x02\x08\x01b\x13\n\x01c\x12\x0e\n"
    b"\x0c\x08\x06\x12\x08\n\x02\x08\x01\n\x02\x08\x01B\x04\n\x00\x10\r"
)
_LARGEST = {"a": np.full((1, 2), 255, np.uint8), "b": np.full((2, 1), 127, np.int8)}


@cache
def overflows_here() -> bool:
    """Multiply the largest numbers once, and say whether the sum is wrong. Takes some milliseconds, once a process."""
    import onnxruntime as ort

    session = ort.InferenceSession(PRODUCT, providers=["CPUExecutionProvider"])
    return int(session.run(None, _LARGEST)[0][0, 0]) != 2 * 255 * 127
