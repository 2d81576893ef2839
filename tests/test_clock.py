"""Instants, days and expiries, in the merchant's time zone."""

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardctl import clock
from cardctl.errors import BadValue, UsageRefused

SHANGHAI = ZoneInfo("Asia/Shanghai")
# In São Paulo and Beirut the clock went forward or back at midnight.
zones = st.sampled_from(
    [
        ZoneInfo(name)
        for name in (
            *("Asia/Shanghai", "America/New_York", "UTC", "Asia/Kathmandu"),
            *("America/Sao_Paulo", "Asia/Beirut", "America/Havana"),
        )
    ]
)
days = st.dates(date(1990, 1, 1), date(2199, 12, 31))
instants = st.integers(1_000_000_000_000, 4_000_000_000_000)


def _ms(*parts):
    return int(datetime(*parts, tzinfo=UTC).timestamp()) * 1000


@given(instants, zones)
def test_an_instant_lies_within_its_day(instant, zone):
    day = clock.day_of(instant, zone)

    assert clock.start_of_day(day, zone) <= instant <= clock.end_of_day(day, zone)


@given(days, zones)
def test_days_follow_without_gap(day, zone):
    assert clock.end_of_day(day, zone) + 1 == clock.start_of_day(day + timedelta(days=1), zone)


@given(instants, zones)
def test_an_instant_reads_back_to_the_second(instant, zone):
    assert clock.parse_instant(clock.format_instant(instant, zone), zone) == instant // 1000 * 1000


def test_an_instant_shows_its_offset():
    assert clock.format_instant(_ms(2026, 11, 22, 2, 47), SHANGHAI) == "2026-11-22T10:47:00+08:00"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-22 10:47:05", _ms(2026, 11, 22, 2, 47, 5)),
        ("2026-11-22 10:47", _ms(2026, 11, 22, 2, 47)),
        ("2026/11/22 10:47:05", _ms(2026, 11, 22, 2, 47, 5)),
        ("2026-11-22T10:47:05+08:00", _ms(2026, 11, 22, 2, 47, 5)),
        ("2026-11-22T02:47:05Z", _ms(2026, 11, 22, 2, 47, 5)),
        ("2026-11-22", _ms(2026, 11, 21, 16)),
        ("2026年11月22日", _ms(2026, 11, 21, 16)),
    ],
)
def test_an_instant_is_read_in_the_store_s_zone(text, expected):
    assert clock.parse_instant(text, SHANGHAI) == expected


@pytest.mark.parametrize(
    "text",
    ["", "now", "2026-13-01", "2026-02-30", "10:47", "２０２６-11-22", "２０２６-11-22 10:47"],
)
def test_what_is_no_instant_is_refused(text):
    with pytest.raises(BadValue):
        clock.parse_instant(text, SHANGHAI)


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/New_York", "Pacific/Kiritimati"])
@pytest.mark.parametrize(
    "text", ["9999-12-31T23:59:59Z", "9999-12-31", "0001-01-01 00:00", "1900-01-00"]
)
def test_an_instant_that_is_taken_can_be_shown(text, zone):
    with suppress(BadValue):
        clock.format_instant(clock.parse_instant(text, ZoneInfo(zone)), ZoneInfo(zone))
    last = clock.end_of_day(date(9999, 12, 31), ZoneInfo(zone))
    assert clock.day_of(last, ZoneInfo(zone)) == date(9999, 12, 31)


@given(st.text(max_size=24))
def test_any_text_is_an_instant_or_a_bad_value(text):
    with suppress(BadValue):
        assert isinstance(clock.parse_instant(text, SHANGHAI), int)


@pytest.mark.parametrize("text", ["never", "NEVER", " 永久 ", "长期有效", "永久有效"])
def test_what_never_expires_sorts_last(text):
    assert clock.parse_expiry(text, today=date(2026, 1, 1), zone=SHANGHAI) == clock.NEVER


@pytest.mark.parametrize(
    ("today", "text", "last_day"),
    [
        (date(2026, 11, 22), "+1m", date(2026, 12, 22)),
        (date(2026, 12, 22), "+1m", date(2027, 1, 22)),
        (date(2026, 1, 31), "+1m", date(2026, 2, 28)),
        (date(2024, 1, 31), "+1m", date(2024, 2, 29)),
        (date(2024, 2, 29), "+1y", date(2025, 2, 28)),
        (date(2026, 11, 22), "+12m", date(2027, 11, 22)),
        (date(2026, 11, 22), "+30d", date(2026, 12, 22)),
        (date(2026, 11, 22), "2027-12-31", date(2027, 12, 31)),
        (date(2026, 11, 22), "2027/1/2", date(2027, 1, 2)),
        (date(2026, 11, 22), "9999-12-31", date(9999, 12, 31)),
    ],
)
def test_an_expiry_is_the_end_of_its_last_day(today, text, last_day):
    expires_at = clock.parse_expiry(text, today=today, zone=SHANGHAI)

    assert expires_at == clock.end_of_day(last_day, SHANGHAI)


@given(st.dates(date(2000, 1, 1), date(2099, 12, 31)), st.integers(0, 600))
def test_months_keep_the_day_or_take_the_last(today, months):
    expires_at = clock.parse_expiry(f"+{months}m", today=today, zone=SHANGHAI)
    day = clock.day_of(expires_at, SHANGHAI)

    assert (day.year * 12 + day.month) - (today.year * 12 + today.month) == months
    assert day.day == today.day or (
        day.day < today.day and (day + timedelta(days=1)).month != day.month
    )


@pytest.mark.parametrize("text", ["", "+m", "+1w", "-1m", "soon", "2027-02-30", "+9999y"])
def test_what_is_no_expiry_is_refused(text):
    with pytest.raises(BadValue):
        clock.parse_expiry(text, today=date(2026, 11, 22), zone=SHANGHAI)


def test_a_duration_is_whole_days():
    assert clock.parse_days(" 30d ") == 30
    for text in ("", "30", "1.5d", "-1d", "d", "999999d"):
        with pytest.raises(BadValue):
            clock.parse_days(text)


def test_a_zone_that_does_not_exist_is_named():
    assert clock.load_zone("Asia/Shanghai") == SHANGHAI
    for name in ("Asia/Atlantis", "", "../../etc/passwd", "\x00"):
        with pytest.raises(UsageRefused):
            clock.load_zone(name)


def test_the_clock_stands_when_a_test_says_so(frozen_clock):
    before = clock.now_ms()
    frozen_clock.advance(days=1)

    assert clock.day_of(before, SHANGHAI) == date(2026, 11, 22)
    assert clock.now_ms() - before == clock.DAY_MS
