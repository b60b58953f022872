"""Tables as people type and read them: conditions, values, orders, and rows of text."""
