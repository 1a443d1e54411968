"""The stage, kills, outages and tables of `bench.orchestration`."""
