"""What a fit makes small: its errors on labels, its distance from the teachers, and what it would learn by heart."""
