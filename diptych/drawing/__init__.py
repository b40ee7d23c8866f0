"""Pictures of results: what was found, how training went, how precise the rankings are."""
