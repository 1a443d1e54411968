"""The draws and tables of `bench.meta`."""
