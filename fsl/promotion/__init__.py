"""From a verdict to the version that serves, and back. The moves are the store's."""
