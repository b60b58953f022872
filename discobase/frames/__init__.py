"""Data frames: records as tables of pandas, Polars and Arrow, and records made of such tables.

A column has the type that the table's fields say, also where there is no record. Each of the three
packages is imported when it is first needed, and none of them is needed for anything else.
"""
