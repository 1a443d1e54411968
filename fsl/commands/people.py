"""Who types: the name that a person's moves are kept under."""

import getpass


def person() -> str:
    """Return `person:` and the user's name on this machine; it is a note for people, and proves nothing."""
    try:
        return f"person:{getpass.getuser()}"
    except (KeyError, OSError):  # a container whose user has no name
        return "person:unknown"
