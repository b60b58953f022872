"""Out and in: what a database holds, as a file that anybody can read and another database takes.

An export is a sequence of pieces (:mod:`discobase.transfer.pieces`), each a line of JSON under one
running hash (:mod:`discobase.transfer.seal`). Both formats carry these very lines: a file of lines
is nothing else, and a SQLite file has them in a table of its own, beside tables with real columns.
"""
