"""Those beside whom queries are measured: raw SQLite by hand, and other libraries over it."""
