"""The demo: two days in the life of a project, and the screen that tells them."""
