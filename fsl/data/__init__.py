"""Through here every row enters: reading, validating, quarantining, splitting, committing, snapshots."""
