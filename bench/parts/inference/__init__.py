"""The engines, shares and tables of `bench.inference`."""
