"""Repair: a new generation is begun from what can be read, where nobody has the rest any more.

Asked for by a person, after what is lost was said back.
"""
