"""What is asked of a version beyond judge rows: changed texts, behaviour, slices, out-of-scope texts, memory."""
