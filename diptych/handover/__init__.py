"""Handing a run over to others: the files that they receive, the model card, and the model hub."""
