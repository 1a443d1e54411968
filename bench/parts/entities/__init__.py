"""The draws and tables of `bench.entities`."""
