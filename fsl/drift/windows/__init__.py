"""The rows that are compared: windows over the prediction log."""
