"""The verbs of the command line, one group to a file."""
