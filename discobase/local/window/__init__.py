"""A web page that shows what is on the server, live and read-only."""
