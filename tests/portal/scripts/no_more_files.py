"""A loop that cannot be made is the starter's error."""

import os
import resource

from discobase.errors import ConnectError
from discobase.portal import Portal

soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
portal = Portal("shop")
next_file = os.dup(0)
os.close(next_file)
resource.setrlimit(resource.RLIMIT_NOFILE, (next_file, hard))
try:
    portal.start()
except ConnectError as error:
    print(error, "<-", type(error.__cause__).__name__)
print(portal.alive)
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
portal.start()
print(portal.alive)
portal.stop()
