"""The public data sets that `bench.fetch` gets: where each comes from, and how its raw files become rows."""
