"""Forgetting on request: rows are chosen, found wherever they lie, and removed there, with a tombstone written first.

`selection` says which rows are meant, `marks` how they are told apart without their texts, `tables`, `files`, `traces`
and `pages` where they lie, `forget` in what order they go, `due` which versions still have to be retrained. What a
tombstone is, and how readers follow it, is `fsl.data.tombstones`.
"""
