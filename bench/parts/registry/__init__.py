"""The trials of `bench.registry`, which the tests share in their short forms."""
