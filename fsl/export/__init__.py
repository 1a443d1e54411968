"""From a trained student to the bundle that is judged and served: ONNX graphs, int8, parity."""
