"""The training loop for all methods that learn by gradient, and the run folder."""
