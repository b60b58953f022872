"""A blocking call inside a running loop works, and warns once, at the user's line."""

import asyncio
import sys
import types
import warnings

from discobase.portal import Portal

if "notebook" in sys.argv:
    sys.modules["IPython"] = types.SimpleNamespace(get_ipython=lambda: "a shell")

portal = Portal()
portal.start()


async def handle_request():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        answers = [portal.call(asyncio.sleep, 0, number) for number in range(3)]
    threaded = await asyncio.to_thread(portal.call, asyncio.sleep, 0, "threaded")
    print(answers, threaded)
    for warning in caught:
        print(f"{warning.category.__name__} at line {warning.lineno}: {warning.message}")


asyncio.run(handle_request())
portal.stop()
