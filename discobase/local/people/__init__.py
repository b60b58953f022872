"""People who use bots: what they do, what they enter, and what they see."""
