"""Is a change harmful: accuracy estimated without labels, and corrected by the few audit labels there are."""
