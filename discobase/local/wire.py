"""JSON in the compact form in which it is stored and sent: ASCII, no blanks."""

from __future__ import annotations

from json import JSONEncoder

text = JSONEncoder(separators=(",", ":")).encode
"""The JSON text of a value."""
