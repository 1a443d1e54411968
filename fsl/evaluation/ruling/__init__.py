"""From scores and comparisons to a verdict: the gate, its rules, its vetoes, its words."""
