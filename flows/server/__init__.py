"""A Prefect server: what it is told, one of our own, what is registered on it, its runs, and the worker for them."""
