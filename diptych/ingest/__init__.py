"""From entries of any kind to items of a collection: embed, upsert, reject faulty entries."""
