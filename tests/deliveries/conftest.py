"""The fixtures of sending: orders to send, and a channel that does as a test says."""

import pytest

from tests.deliveries.channels import Scripted


@pytest.fixture
def sold(shop):
    """Two issued orders; the second of two cards."""
    shop.seed_catalog()
    shop.import_codes("VIP", ["0001", "=1+1", "MADE-UP-3", "MADE-UP-4", "MADE-UP-5"])
    shop.run("order add --channel TB --number 1 --sku VIP --paid 28 --buyer 小王")
    shop.run("order add --channel TB --number 2 --sku VIP --qty 2 --paid 56")
    shop.run("order issue --all")
    return shop


@pytest.fixture
def channel(monkeypatch):
    return Scripted().instead_of_webhook(monkeypatch)
