"""A top-up whose order is paid back after the supplier was asked for it."""

import pytest

from tests.deliveries.test_topup import SEND, answers, asking, confirm, events, hook, line, states
from tests.support.http_server import http_server

__all__ = ["asking"]

WARNING = "the supplier was asked to top it up already"


@pytest.mark.parametrize("how", ["refund", "chargeback"])
def test_a_supplier_who_was_asked_is_named_and_tops_up_anyway(asking, how):
    with http_server(answers("pending")) as server:
        hook(asking, server)
        assert asking.run(SEND).json["waiting"] == 1
    paid_back = f"order {how} TB:1 --reason x"
    assert WARNING in asking.run(f"{paid_back} --dry-run").stderr
    assert WARNING in asking.run(paid_back).stderr
    assert WARNING not in asking.run(paid_back).stderr
    assert states(asking) == ("refunded", "cancelled")

    told = confirm(asking, line(asking, "success"), status=8)
    assert (told["delivered"], told["anyway"], told["refused"]) == (1, 1, 0)
    assert [(one["status"], one["code"]) for one in told["answers"]] == [
        ("delivered", "topped-up-anyway")
    ]
    assert states(asking) == ("refunded", "delivered")
    assert len(events(asking, "delivered")) == 1
    again = confirm(asking, line(asking, "success"))
    assert (again["unchanged"], again["anyway"]) == (1, 0)
    asking.run("audit verify")


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_supplier_who_was_not_asked_or_refused_is_not_named(asking):
    asking.run("order add --channel TB --number 2 --sku CALL --paid 49")
    asking.run("order edit TB:2 --topup-account 1 --reason x")
    with http_server(answers("failed")) as server:
        hook(asking, server)
        asking.run(SEND, status=8)
    asking.run("order issue TB:2")
    told = asking.run("order refund TB:1 TB:2 --reason x")
    assert WARNING not in told.stderr
