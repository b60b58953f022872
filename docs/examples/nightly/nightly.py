r"""A scheduled script: each night it sums up the day's readings of some weather stations.

Try it in this folder, on the embedded server, which keeps what it has in a file::

    DISCOBASE_TOKEN=local:weather.db python nightly.py readings.csv 2026-11-25

With the token of a bot in its place, which is in a Discord server called "Weather", it is the real
one. In a crontab, which mails what it prints (``\%`` is cron's way to write ``%``)::

    DISCOBASE_TOKEN=...
    15 0 * * *  python /srv/nightly.py /srv/readings.csv "$(date -d yesterday +\%F)"

It may be run again at any time, also on two machines at once: a day's summaries are in the database
once, whoever writes them. It ends with

==  ======================================================================
0   the day is summed up, now or by an earlier run
1   the readings cannot be used; nothing was written
75  try again later: another run is at it, or the database cannot be used,
    for a reason that is printed
78  there is no bot token, or Discord does not take it: somebody has to mend
    that before another run is of use
==  ======================================================================
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import fmean
from typing import Annotated

import discobase
from discobase import errors

DONE, UNUSABLE, LATER, MEND = 0, 1, 75, 78  # what sysexits.h calls EX_TEMPFAIL and EX_CONFIG

KEPT = timedelta(days=365)
"""How long summaries are kept."""

PATIENCE = timedelta(hours=1)
"""After how long a run that has not ended is taken for dead. One takes seconds."""

# No gateway: the script has left before there would be anything to hear.
db = discobase.Database("Weather", gateway=False, timeout=120)


@db.table
class Summary(discobase.Table):
    """What a station has measured on a day, in degrees."""

    station: str
    day: date
    lowest: float
    highest: float
    mean: float
    once = discobase.UniqueTogether("station", "day")


@db.table
class Run(discobase.Table):
    """The run that sums up a day: one for each day, whichever process makes it."""

    day: Annotated[date, discobase.Unique()]
    begun: datetime
    ended: datetime | None = None
    summaries: int = 0


class Unusable(Exception):
    """The file of readings is none."""


def summaries_of(path: Path, day: date) -> list[Summary]:
    """Sum up a day's readings, station by station."""
    degrees: dict[str, list[float]] = defaultdict(list)
    with path.open(newline="") as file:
        for line, row in enumerate(csv.DictReader(file), 2):
            try:
                if datetime.fromisoformat(row["time"]).date() == day:
                    degrees[row["station"]].append(float(row["degrees"]))
            except (KeyError, TypeError, ValueError) as error:
                raise Unusable(f"line {line} is no reading: {row}") from error
    return [
        Summary(
            station=station,
            day=day,
            lowest=min(measured),
            highest=max(measured),
            mean=round(fmean(measured), 1),
        )
        for station, measured in sorted(degrees.items())
    ]


def claim(day: date) -> Run | None:
    """The run of a day, if it is this process that is to do it; None where another one is at it."""
    now = datetime.now(UTC)
    run, created = Run.get_or_create(day=day, defaults={"begun": now})
    if created or run.ended:
        return run
    if now - run.begun < PATIENCE:
        return None
    run.begun = now
    try:
        return run.update(if_unchanged=True)
    except errors.ConflictError:
        return None  # another process has taken it over a moment before


def sum_up(summaries: list[Summary], day: date) -> int:
    """Write a day's summaries, unless that is done already, and say so. Return the exit status."""
    run = claim(day)
    if run is None:
        print(f"{day}: another run is at it", file=sys.stderr)
        return LATER
    if run.ended:
        print(f"{day}: had been summed up at {run.ended:%F %T}, {run.summaries} stations")
        return DONE
    # Should this process die in between, the next one writes the same ones in the same places.
    Summary.save_many(summaries, on_conflict="update")
    removed = Summary.find(Summary.day < day - KEPT).delete()
    run.ended, run.summaries = datetime.now(UTC), len(summaries)
    run.update()
    calls = db.status().calls_made
    print(f"{day}: {len(summaries)} stations, {removed.records} old removed, {calls} API calls")
    return DONE


def main() -> int:
    """Do what the command line says. Returns the exit status."""
    parser = argparse.ArgumentParser(description="Sum up a day's readings.")
    parser.add_argument("readings", type=Path, help="a CSV file with station, time and degrees")
    parser.add_argument("day", type=date.fromisoformat, help="as in 2026-11-25")
    given = parser.parse_args()
    try:
        # Before anything connects: a file that cannot be used costs no call.
        summaries = summaries_of(given.readings, given.day)
        with db.conn():
            return sum_up(summaries, given.day)
    except (OSError, Unusable) as error:
        print(f"{given.readings}: {error}", file=sys.stderr)
        return UNUSABLE
    except errors.BadToken as error:
        print(f"{given.day}: {error}", file=sys.stderr)
        return MEND
    except errors.DiscobaseError as error:
        print(f"{given.day}: {error}", file=sys.stderr)
        return LATER


if __name__ == "__main__":
    sys.exit(main())
