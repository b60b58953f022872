"""The endpoints that are served, a module for each resource of Discord's documentation."""
