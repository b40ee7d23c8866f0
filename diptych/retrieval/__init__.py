"""Embeds search requests and answers them over any table, one request or a hundred at a time."""
