"""Surges: one label's share rises for an entity, a topic or all rows, against its own history."""
