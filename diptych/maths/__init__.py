"""Modality-independent mathematics: attention, recurrence, losses, reductions."""
