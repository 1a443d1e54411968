"""A whole project, copied away and back."""
