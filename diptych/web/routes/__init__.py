"""Routes: one file a topic, each with its `ROUTERS`; a new file is served without being named anywhere else."""
