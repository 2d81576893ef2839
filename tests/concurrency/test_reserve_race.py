"""Commands that reserve, issue, pay and give back at once: a card is kept for one order or none."""

import json

from tests.batches.books import check_all
from tests.concurrency.test_issue_race import run_at_once

UNPAID, PAID, CARDS = 90, 60, 120

CARDCTL = """
import sys
import cardctl.orders.issue as issue
import cardctl.orders.reserve as reserve
from cardctl.cli.main import main
issue.CHUNK = reserve.AT_ONCE = 7
main()
"""


def tell(shop, numbers, status):
    rows = (
        json.dumps({"order": number, "sku": "VIP", "paid": "1", "status": status})
        for number in numbers
    )
    shop.run("order import - --channel TB", stdin="\n".join(rows))


def at_once(shop, *lines):
    """The documents of commands that ran together, each of which did its work."""
    results = run_at_once(shop, [[CARDCTL, *line.split(), "--json"] for line in lines])
    assert all(status in (0, 8) for *_, status in results), results
    return [json.loads(stdout) for stdout, *_ in results]


def test_what_is_reserved_is_sold_to_nobody_else(shop):
    shop.seed_catalog()
    shop.import_codes("VIP", [f"MADE-UP-{place:04d}" for place in range(CARDS)])
    unpaid = [f"U{number}" for number in range(UNPAID)]
    tell(shop, unpaid, "unpaid")
    tell(shop, [f"P{number}" for number in range(PAID)], "paid")
    names = [f"TB:{number}" for number in unpaid]
    kept = " ".join(names)
    first, issued, second, _ = at_once(
        shop,
        f"order reserve {kept} --for 30m",
        "order issue --all",
        f"order reserve {' '.join(reversed(names))} --for 1h",
        "stock release",
    )
    assert (
        issued["cards"] + shop.sql("SELECT COUNT(*) FROM card WHERE status = 'reserved'")[0][0]
        == CARDS
    )
    assert max(first["cards"], second["cards"]) <= UNPAID
    # Half of them are paid while their time is over for all.
    shop.execute("UPDATE orders SET reserved_until = 1 WHERE reserved_until IS NOT NULL")
    tell(shop, unpaid[::2], "paid")
    at_once(
        shop, "order issue --all", "order issue --all", "stock release", f"order issue {names[0]}"
    )
    shop.run("order issue --all", status=None)
    twice = (
        "SELECT order_bucket, order_id FROM card WHERE order_id IS NOT NULL"
        " GROUP BY order_bucket, order_id HAVING COUNT(*) > 1"
    )
    assert shop.sql(twice) == []
    assert shop.sql("SELECT COUNT(*) FROM card WHERE status = 'reserved'") == [(0,)]
    wanted = PAID + len(unpaid[::2])
    assert shop.sql("SELECT COUNT(*) FROM card WHERE status = 'issued'") == [(min(wanted, CARDS),)]
    check_all(shop)
