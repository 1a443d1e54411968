"""Which candidate ships: the probe and students of every make, on rows that they were not fitted to."""
