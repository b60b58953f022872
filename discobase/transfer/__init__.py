"""Data out of a database, and into one: as a file that anybody can read and another database takes,
and from what the older package discobase 1.0.0 has stored.

An export is a sequence of pieces (:mod:`discobase.transfer.pieces`), each a line of JSON under one
running hash (:mod:`discobase.transfer.seal`). Both formats carry these very lines: a file of lines
is nothing else, and a SQLite file has them in a table of its own, beside tables with real columns.
"""
