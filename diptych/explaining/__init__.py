"""Explanations: how each region of a picture and each word of a text contributes to a similarity."""
