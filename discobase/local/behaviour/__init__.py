"""How the server behaves, beyond what it serves: settings, rate limits, failures on demand."""
