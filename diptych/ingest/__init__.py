"""From entries of any kind to items of a collection: embed, upsert, set aside what is faulty."""
