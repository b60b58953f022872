"""The database engine: asynchronous, run on the portal's loop, meeting Discord only through
:mod:`~.server`.
"""
