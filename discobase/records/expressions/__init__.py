"""Expressions: what a query asks of records, made of a table's class attributes and operators.

``User.age`` is a :class:`~discobase.records.expressions.reference.FieldReference`, its operators
make an :class:`~discobase.records.expressions.nodes.Expression`, and what that means is said by
Python alone: :meth:`~discobase.records.expressions.nodes.Expression.holds`. SQL may only be
quicker.
"""
