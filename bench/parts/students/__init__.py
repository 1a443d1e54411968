"""What benchmarks of students share: draws of rows, teachers, vectors, and what a student is compared with."""
