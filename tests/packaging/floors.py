"""Install the lowest versions that setup.cfg allows: what ``tox -e floors`` begins with.

They are installed at once, of what runs and of what tests. Newer packages that are made older one
by one leave behind what goes with the newer ones, and may not fit what is installed beside them.
"""

from __future__ import annotations

import subprocess
import sys

from tests.packaging.extras import ROOT, extras_for_users, lowest_versions


def pinned() -> list[str]:
    """What users and tests may have installed, in the lowest versions of setup.cfg."""
    lowest = lowest_versions("test", *extras_for_users())
    return [f"{name}=={version}" for name, version in lowest.items()]


def main() -> None:
    pip = (sys.executable, "-m", "pip")
    subprocess.run([*pip, "install", "--quiet", "--editable", str(ROOT), *pinned()], check=True)
    subprocess.run([*pip, "check"], check=True)


if __name__ == "__main__":
    main()
