"""Scores, paired tests, the gate, and the page that tells its verdict. Importing any of it brings in no torch."""
