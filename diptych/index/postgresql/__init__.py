"""Collections in PostgreSQL with pgvector: `postgresql://USER:PASSWORD@HOST:PORT/DATABASE#NAME`."""

from diptych.index.postgresql.store import open_store
from diptych.rooms import Card

CARD = Card(title="PostgreSQL with pgvector, a server", licence="PostgreSQL", needs=("postgres",))

__all__ = ["CARD", "open_store"]
