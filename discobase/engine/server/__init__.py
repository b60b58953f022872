"""One Discord server as the engine meets it: the seam, and what stands behind it.

Others import the modules by name, for they need them apart: the engine the seam and the retries,
a session the connection.
"""
