"""Ways to ask for records: in SQL."""
