"""What discobase costs, beside what the same costs without it. Run with ``tox -e bench``."""
