"""Runs tests that a package brought along, pointed at the server."""

from __future__ import annotations

import sys
import unittest

import pointed  # noqa: F401

unittest.main(module=None, argv=sys.argv, verbosity=2)
