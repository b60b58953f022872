"""Generations of a log: a new one is made, and one that is over is followed by the next.

A generation is a set of lanes, with a channel for checkpoints. A new one is made by a vacuum, which
leaves behind what was deleted before; its commits go on with the positions and the chain of the one
before.
"""
