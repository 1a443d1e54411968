"""How good one version is on its own rows, each figure with its interval."""
