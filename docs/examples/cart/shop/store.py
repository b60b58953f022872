"""The tables of the shop."""

from typing import Annotated

from django.contrib.auth.hashers import check_password, make_password
from pydantic import StringConstraints

import discobase
from discobase.contrib.django import database

db = database()


@db.table
class Customer(discobase.Table):
    """Whoever has a name and a password."""

    name: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=80),
        discobase.Unique(),
    ]
    password: str  # what Django makes of it, from which nobody gets it back


def logged_in(name: str, password: str) -> Customer | None:
    """The customer of a name, made now if there is none; None where the password is another one."""
    customer, _ = Customer.get_or_create(name=name, defaults={"password": make_password(password)})
    return customer if check_password(password, customer.password) else None
