"""Through here every row enters: reading, validating, quarantining, splitting, committing, snapshots.

`reading` turns files into raw rows and `checking` decides on each. At the top stand what runs them (`intake`,
`committing`) and what remains: `batches`, `quarantine`, `splits`, `snapshots`.
"""
