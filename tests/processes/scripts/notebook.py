"""Run cells in a shell of IPython, as a notebook does: each is a line of JSON, and is answered with
what it printed, and what it raised.
"""

import contextlib
import io
import json
import sys

from IPython.core.interactiveshell import InteractiveShell

shell = InteractiveShell.instance()
shell.showtraceback = lambda *_, **__: None
for line in sys.stdin:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        ran = shell.run_cell(json.loads(line), store_history=True)
    error = ran.error_in_exec or ran.error_before_exec
    raised = None if error is None else f"{type(error).__name__}: {error}"
    print(json.dumps([printed.getvalue().splitlines(), raised]), flush=True)
