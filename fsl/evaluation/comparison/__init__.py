"""Two versions on the same rows: paired tests, their power, what they may spend of alpha, what changed."""
