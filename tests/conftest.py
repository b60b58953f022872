"""How every test runs: how long hypothesis searches, Ctrl-C, and how to look into what hangs."""

from __future__ import annotations

import faulthandler
import os
import signal

from hypothesis import HealthCheck, settings

from tests.stacks import pytest_runtest_makereport

__all__ = ["pytest_runtest_makereport"]

# Deadlines off: the machine is shared, and pytest-timeout guards against what never ends.
settings.register_profile("quick", max_examples=50, deadline=None)
settings.register_profile("ci", settings.get_profile("quick"), derandomize=True, print_blob=True)
settings.register_profile(
    "soak",
    max_examples=20_000,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if "CI" in os.environ else "quick"))

# What a shell starts in the background ignores Ctrl-C, and so would all that the tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

if hasattr(signal, "SIGUSR1"):
    faulthandler.register(signal.SIGUSR1, all_threads=True)
