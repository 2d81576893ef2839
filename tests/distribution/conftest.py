"""A shop with stock, and tables of recipients."""

import pytest

HEADER = "recipient,sku,qty,email,phone,name,note\n"


class Staff:
    """Tables of recipients in the shop's folder, and what became of them."""

    def __init__(self, shop):
        self.shop = shop

    def table(self, *rows, name="staff.csv", header=HEADER):
        (self.shop.folder / name).write_text(header + "".join(f"{row}\n" for row in rows))

    def people(self, count, *, qty=1, name="staff.csv"):
        """A table of so many recipients ``u0001``, each with an address."""
        self.table(*(f"u{n:04d},VIP,{qty},u{n}@made-up.cn,,," for n in range(count)), name=name)

    def codes(self, count, **options):
        return self.shop.import_codes("VIP", [f"MADE-UP-{n:05d}" for n in range(count)], **options)

    def given(self):
        """How many cards each order number got."""
        return dict(
            self.shop.sql(
                "SELECT number, count(*) FROM orders JOIN card"
                " ON card.order_bucket = orders.bucket AND card.order_id = orders.id"
                " GROUP BY number"
            )
        )


@pytest.fixture
def staff(shop):
    shop.seed_catalog()
    return Staff(shop)
