"""Retrieval metrics as pure functions, computed per query; the mean is derived."""
