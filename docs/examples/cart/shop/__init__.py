"""A shop with a cart."""
