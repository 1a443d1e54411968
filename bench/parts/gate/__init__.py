"""The populations, draws and tables of `bench.gate` and `bench.gate_f1`."""
