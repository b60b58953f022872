"""What a query asks of a table, made one SQL statement over the replica where keys decide it, and
finished in Python where they do not.

Python has the last word: :meth:`~discobase.records.expressions.nodes.Expression.holds` says what a
condition means. Keys (:mod:`discobase.engine.keys`) are equal and sort as the values do, so SQL
decides by them, and tells of each row whether it could.
"""
