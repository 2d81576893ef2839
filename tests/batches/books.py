"""What the books hold, for tests that derive it by hand."""


def balances(shop):
    """Fen by account, without those that are even."""
    rows = shop.run("ledger balance --json").json
    return {row["account"]: row["balance_fen"] for row in rows if row["balance_fen"]}


def check_all(shop):
    """Stock, books and audit log hold."""
    for check in ("stock check", "ledger check", "audit verify"):
        shop.run(check)
