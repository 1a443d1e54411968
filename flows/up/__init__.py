"""`fsl up`: the parts of a project that runs by itself, started, watched, started again when they die, and stopped."""
