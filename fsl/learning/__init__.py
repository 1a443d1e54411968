"""How a student learns: encoders, teacher, soft labels, distillation, the probe, and the choice between them."""
