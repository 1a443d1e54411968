"""What every page of ours is made of: HTML that texts cannot break, one look, and numbers in words.

Which facts a page shows is its own part's business: `fsl.data` for validation, `fsl.evaluation` for a run.
"""
