"""Files to raw rows: formats, encodings, bounds. Start at `files`; each format has its reader beside it.

A reader yields a row as it stands, or the line that is none and why. What a row means, and whether it may come in, is
`fsl.data.checking`'s.
"""
