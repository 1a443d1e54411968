"""The streams, lines and tables of `bench.drift`."""
