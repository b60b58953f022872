"""The REST API: the way of a request to its answer, and what each endpoint does."""
