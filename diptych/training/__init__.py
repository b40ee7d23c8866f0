"""One loop for everything that learns by gradient, and the folder that a run leaves behind."""
