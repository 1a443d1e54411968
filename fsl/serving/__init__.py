"""What serves: the bundle's format, the torch-free predictor, and the prediction log."""
