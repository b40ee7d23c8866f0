"""Requests against items, whatever keeps them: embed first, then search, for one request and for a hundred."""
