"""Cron lines and time zones: whether they are any, when they are due, and how many projects do not all start at once.

Who runs at which time is the config's (`schedule`); what runs is the orchestrator's.
"""

import hashlib
import re
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

N_FIELDS = 5
_HOURS = re.compile(r"((?:[01][0-9]|2[0-3]):[0-5][0-9])-((?:[01][0-9]|2[0-3]):[0-5][0-9])")


def checked_cron(line: str) -> str:
    """Return the line as it is. Raises ValueError with a sentence."""
    if len(line.split()) != N_FIELDS:
        raise ValueError('it is not cron: five fields say minute, hour, day, month and weekday, such as "0 3 * * *"')
    from cronsim import CronSimError

    try:
        next_due(line, "UTC", after=datetime(2026, 1, 1, tzinfo=ZoneInfo("UTC")))
    except CronSimError as error:
        raise ValueError(f'it is not cron ({str(error).lower()}); every day at three is "0 3 * * *"') from error
    except StopIteration as error:
        raise ValueError("no day is ever like this, so it would never run") from error
    return " ".join(line.split())


def checked_timezone(name: str) -> str:
    """Return the name as it is. Raises ValueError with a sentence."""
    try:
        ZoneInfo(name)
    except (ValueError, OSError, LookupError) as error:
        raise ValueError(
            "there is no such time zone; they are named like Europe/Berlin, Asia/Shanghai or UTC"
        ) from error
    return name


def checked_hours(text: str) -> str:
    """Return hours such as 22:00-06:00 as they are. Raises ValueError with a sentence."""
    begin, end = hours_of(text)
    if begin == end:
        raise ValueError("it begins when it ends; write the quiet part of the day, such as 22:00-06:00")
    return text


def hours_of(text: str) -> tuple[time, time]:
    """Return when the hours begin and end. Raises ValueError with a sentence."""
    found = _HOURS.fullmatch(text)
    if found is None:
        raise ValueError("it is not a part of the day; write two times, such as 22:00-06:00")
    begin, end = (time.fromisoformat(part) for part in found.groups())
    return begin, end


def next_due(cron: str, timezone: str, *, after: datetime) -> datetime:
    """Return the first time after another at which a cron line is due."""
    from cronsim import CronSim

    return next(CronSim(cron, after.astimezone(ZoneInfo(timezone))))


def last_due(cron: str, timezone: str, *, before: datetime) -> datetime:
    """Return the last time before another at which a cron line was due: since when a run may be missing."""
    from cronsim import CronSim

    return next(CronSim(cron, before.astimezone(ZoneInfo(timezone)), reverse=True))


def quiet_until(hours: str | None, timezone: str, now: datetime) -> datetime | None:
    """Return when the quiet hours end that hold now, or None where none do. They may go past midnight."""
    if hours is None:
        return None
    begin, end = hours_of(hours)
    local = now.astimezone(ZoneInfo(timezone))
    clock = local.time()
    holds = begin <= clock < end if begin < end else clock >= begin or clock < end
    if not holds:
        return None
    day = local.date() if clock < end else local.date() + timedelta(days=1)
    return datetime.combine(day, end, local.tzinfo)


def spread(cron: str, project: str, flow: str, *, jitter_minutes: int) -> str:
    """Return the line moved by some minutes that are a project's own, so that a hundred projects do not start at once.

    It stays within its hour: `0 3 * * *` moves by up to 59 minutes, `*/15 * * * *` by up to 14.
    """
    from cronsim import CronSim

    # Any time will do: only what the line says of minutes is asked.
    minutes = sorted(CronSim(cron, datetime(2026, 1, 1, tzinfo=ZoneInfo("UTC"))).minutes)
    room = min(jitter_minutes, 59 - minutes[-1])
    if room <= 0:
        return cron
    digest = hashlib.sha256(f"{project}/{flow}".encode()).digest()
    moved = int.from_bytes(digest[:8]) % (room + 1)
    return " ".join([",".join(str(minute + moved) for minute in minutes), *cron.split()[1:]])
