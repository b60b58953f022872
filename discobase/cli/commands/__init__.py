"""The commands, in the order in which the help has them. Each module is one group of them."""
