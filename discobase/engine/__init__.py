"""The database engine: the log, and the replica that is made of it.

It is asynchronous, runs on the portal's loop, and meets Discord only through
:mod:`discobase.engine.server.seam`.
"""
