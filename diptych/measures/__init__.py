"""How good a ranking is: pure functions, per query first; the mean is a view."""
