"""How the server runs: on its port, in a thread, shared by processes."""
