"""What changed between two windows: one module to a test, all run together by `battery`."""
