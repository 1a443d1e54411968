"""One fit of an encoder with its head: what it reads, which weights move, and what watches over it."""
