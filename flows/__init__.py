"""Prefect flows, one to a file, read from top to bottom; the command line; and what serves them."""
