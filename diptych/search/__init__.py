"""Searching by the fused similarity: a scan of all items, or a store's own search certified or approximate."""
