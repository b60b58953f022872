"""The bodies that requests bring, read field by field, with what is wrong in them."""
