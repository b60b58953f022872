"""The commands of the project: a shop with a cart, whose sessions are kept in a Discord server.

Try it in this folder, on the embedded server, which keeps what it has in a file::

    DISCOBASE_TOKEN=local:cart.db python manage.py runserver

With the token of a bot in its place, which is in a Discord server called "Cart", it is the real
one, and ``gunicorn shop.wsgi`` or ``uvicorn shop.asgi:application`` serves it. There is no other
database.
"""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
    execute_from_command_line(sys.argv)
