"""The cells and tables of `bench.distill`."""
