"""What the server holds: people, servers, channels and messages, their file, and their JSON."""
