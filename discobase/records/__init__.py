"""Records: what a table's class says of its fields, and each record's way to JSON and back."""
