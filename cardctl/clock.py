"""Time is epoch milliseconds in UTC; days are cut in the store's time zone.

`now_ms` is the one place that reads the clock, so that a test can stand still.
"""

import re
import time
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cardctl.errors import BadValue, UsageRefused


class UnknownZone(UsageRefused):
    """A time zone that the zone database does not have."""

    code = "unknown-timezone"
    message = "there is no time zone {zone!r}"
    hint = "a name such as Asia/Shanghai"


NEVER = 2**63 - 1
"""`expires_at` of what does not expire: the maximum, so that it sorts last everywhere."""

MINUTE_MS = 60_000
DAY_MS = 86_400_000

_LATEST = 253_402_250_399_999
"""9999-12-31T09:59:59.999Z: what every time zone still shows within its calendar."""

_OFFSET = re.compile(
    r"\+(\d{1,4})([dmy])|\+?(\d{1,4}|[一二两三四五六七八九十])(天|个月|年)", re.ASCII
)
_UNITS = {"天": "d", "个月": "m", "年": "y"}
_NUMERALS = {numeral: value for value, numeral in enumerate("一二三四五六七八九十", 1)} | {"两": 2}
_NEVER_WORDS = frozenset(
    {"never", "永久", "永久有效", "永不过期", "长期", "长期有效", "无限期", "不限期", "无期限"}
)
_DURATION = re.compile(r"(\d{1,5})d", re.ASCII)
_SPAN = re.compile(r"(\d{1,5})([mhd])", re.ASCII)
_SPAN_MINUTES = {"m": 1, "h": 60, "d": 1_440}
_SPAN_DAYS_MAX = 30
_DATE = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?", re.ASCII)
_FORMATS = (
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
)


def now_ms() -> int:
    """The present, in epoch milliseconds."""
    return time.time_ns() // 1_000_000


def load_zone(name: str) -> ZoneInfo:
    """The time zone of that IANA name; raises `UnknownZone` for any other name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UnknownZone(zone=name) from None


def format_instant(epoch_ms: int, zone: ZoneInfo) -> str:
    """RFC 3339 with offset, to the second: ``2026-11-22T10:47:00+08:00``."""
    moment = datetime.fromtimestamp(epoch_ms // 1000, tz=UTC)
    return moment.astimezone(zone).isoformat(timespec="seconds")


def day_of(epoch_ms: int, zone: ZoneInfo) -> date:
    """The merchant's business day that an instant falls into."""
    return datetime.fromtimestamp(epoch_ms // 1000, tz=UTC).astimezone(zone).date()


def start_of_day(day: date, zone: ZoneInfo) -> int:
    """The first millisecond of a business day."""
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()) * 1000


def end_of_day(day: date, zone: ZoneInfo) -> int:
    """The last millisecond of a business day: a card that is good until that day."""
    # The later 23:59:59, where the clock goes back at midnight; 9999-12-31 has no next day.
    last = datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=zone, fold=1)
    return min(int(last.timestamp()) * 1000 + 999, _LATEST)


def parse_day(text: str) -> date:
    """A day written as 2027-12-31, 2027/12/31, 2027.12.31 or 2027年12月31日."""
    match = _DATE.fullmatch(text.strip())
    try:
        return date(*(int(part) for part in match.groups())) if match else _no_day(text)
    except ValueError:
        return _no_day(text)


def parse_instant(text: str, zone: ZoneInfo) -> int:
    """Epoch ms of RFC 3339, ``2026-11-22 10:47[:00]`` in the store's zone, or a day's start.

    Raises `BadValue` for anything else, and for what was before 1970 or cannot be shown.
    """
    instant = _parse_instant(text, zone)
    if not 0 <= instant <= _LATEST:
        raise BadValue(value=text, expected="a day within the calendar")
    return instant


def _parse_instant(text: str, zone: ZoneInfo) -> int:
    bare = text.strip()
    # strptime would read the digits of any script.
    for layout in _FORMATS if bare.isascii() else ():
        try:
            return int(datetime.strptime(bare, layout).replace(tzinfo=zone).timestamp()) * 1000
        except (ValueError, OverflowError):
            continue
    if _DATE.fullmatch(bare):
        return start_of_day(parse_day(bare), zone)
    try:
        moment = datetime.fromisoformat(bare)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=zone)
        return int(aware.timestamp() * 1000)
    except (ValueError, OverflowError):
        raise BadValue(value=text, expected="a time, such as 2026-11-22 10:47:00") from None


def parse_expiry(text: str, *, today: date, zone: ZoneInfo) -> int:
    """`expires_at` of a day, of a time counted from today, or of 永久, 长期有效, never and so on.

    A time is written ``+12m``, 12个月, 一年 or 半年. Raises `BadValue`.
    """
    bare = text.strip()
    if bare.lower() in _NEVER_WORDS:
        return NEVER
    offset = _OFFSET.fullmatch("6个月" if bare == "半年" else bare)
    if not offset:
        return end_of_day(parse_day(bare), zone)
    number, unit = offset[1] or offset[3], offset[2] or _UNITS[offset[4]]
    count = _NUMERALS.get(number) or int(number)
    try:
        if unit == "d":
            return end_of_day(today + timedelta(days=count), zone)
        return end_of_day(_add_months(today, count * (12 if unit == "y" else 1)), zone)
    except (ValueError, OverflowError):
        raise BadValue(value=text, expected="a day within the calendar") from None


def parse_days(text: str) -> int:
    """Whole days of a duration such as ``30d``; raises `BadValue`."""
    match = _DURATION.fullmatch(text.strip())
    if not match:
        raise BadValue(value=text, expected="a number of days, such as 30d")
    return int(match[1])


def parse_minutes(text: str) -> int:
    """Minutes of a time such as ``30m``, ``2h`` or ``1d``, up to 30 days; raises `BadValue`."""
    match = _SPAN.fullmatch(text.strip())
    minutes = int(match[1]) * _SPAN_MINUTES[match[2]] if match else 0
    if not 1 <= minutes <= _SPAN_DAYS_MAX * _SPAN_MINUTES["d"]:
        raise BadValue(value=text, expected="a time up to 30 days, such as 30m, 2h or 1d")
    return minutes


def _add_months(day: date, months: int) -> date:
    """The same day so many months later, or the last day of that month."""
    years, month = divmod(day.month - 1 + months, 12)
    first_of_next = date(day.year + years + (month + 1) // 12, (month + 1) % 12 + 1, 1)
    last = (first_of_next - timedelta(days=1)).day
    return date(day.year + years, month + 1, min(day.day, last))


def _no_day(text: str) -> date:
    raise BadValue(value=text, expected="a day, such as 2027-12-31")
