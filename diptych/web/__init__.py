"""The service: collections and runs over HTTP, and a page to use them with."""
