"""Raw rows to a verdict on each: who comes in, who is refused and why, and the page that says so.

In the order of a file's way: `rows` gives a raw row our types, `rules` and `validation` hold it to what concerns it
alone (`staging` is that first pass), `labels`, `relations` and `earlier` look at rows beside one another (`sifting` is
the second pass), and `report` and `page` tell what was found. Committing the outcome is `fsl.data.committing`'s.
"""
