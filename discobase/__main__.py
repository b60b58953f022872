"""``python -m discobase``: the command line."""

import sys

from discobase.cli import main

if __name__ == "__main__":
    sys.exit(main())
