"""Drawings of results: search hits, training curves, precision-recall curves and explanations."""
