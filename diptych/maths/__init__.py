"""Equations that know neither pictures nor words: attention, recurrence, losses, reductions."""
