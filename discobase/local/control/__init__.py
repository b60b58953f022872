"""What can be done to the server from outside Discord's API, from Python and over HTTP."""
