"""Tuning: which of a few `learning` settings make held-out rows likelier, within a budget in minutes.

`space` says what is tried, `trials` how one set of settings is scored, `search` keeps the trials in a file and goes on
where a killed one stopped. Judge rows are never asked, and nothing changes a config: a person takes the lines over.
"""

from fsl.learning.tuning.search import Found, Scored, TrialRow, search

__all__ = ["Found", "Scored", "TrialRow", "search"]
