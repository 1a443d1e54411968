"""Whether served traffic has changed, how much, and what to do: windows, two-sample tests, decisions, reports."""
