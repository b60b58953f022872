"""How the server runs: on its port, in a thread, in the foreground, shared by processes."""
