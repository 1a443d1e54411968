"""What the benchmarks are made of, a folder for each; `students` and `network` serve several."""
