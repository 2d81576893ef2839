"""The lint over executed statements hears everything, and knows a broken rule when it hears one.

That no statement of the suite breaks one is held by an autouse fixture in `tests/conftest.py`.
"""

import pytest

from tests.support.statements import judge


@pytest.mark.parametrize(
    ("statement", "word"),
    [
        ("UPDATE journal_line SET amount_fen = 1", "append-only"),
        ('UPDATE "audit_record" SET verb = ?', "append-only"),
        ("DELETE FROM order_event WHERE id = 1", "append-only"),
        ("DELETE\nFROM journal_entry", "append-only"),
        ("TRUNCATE audit_record", "append-only"),
        ("SELECT id FROM pool FOR UPDATE", "locks"),
        ("SELECT card.id FROM card FOR UPDATE SKIP LOCKED", "locks"),
        ("SELECT p.id FROM pool p FOR NO KEY UPDATE OF pool", "locks"),
        ("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", "SERIALIZABLE"),
        ("SELECT pg_advisory_xact_lock(1)", "advisory"),
        ("SELECT id FROM card WHERE (bucket, id) IN ((?, ?), (?, ?))", "pairs"),
        ("SELECT id FROM pool WHERE (id, code) IN (VALUES (%(a)s, %(b)s))", "pairs"),
        ("CREATE TRIGGER t AFTER INSERT ON card BEGIN SELECT 1; END", "trigger"),
        (
            "SELECT 1 FROM orders JOIN order_line ON order_line.order_id = orders.id",
            "without its bucket",
        ),
        (
            "SELECT 1 FROM orders AS o, order_line AS l WHERE l.order_id = o.id AND l.bucket = 1",
            "orders beside",
        ),
        (
            'UPDATE "card" SET note = g.note FROM orders AS g WHERE card.order_id = g.id',
            "without its bucket",
        ),
    ],
)
def test_a_broken_rule_is_heard(statement, word):
    assert any(word in problem for problem in judge(statement))


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO journal_line (bucket) VALUES (1)",
        "UPDATE card SET status = 'void' WHERE bucket = 1 AND id = 2",
        "SELECT card.id FROM card WHERE status = 'available' FOR UPDATE OF card SKIP LOCKED",
        "SELECT 1 FROM orders o JOIN order_line l ON l.bucket = o.bucket AND l.order_id = o.id",
        "SELECT 1 FROM card c JOIN orders o ON c.order_bucket = o.bucket AND c.order_id = o.id",
        "SELECT 1 FROM card JOIN batch ON batch.id = card.batch_id",
        "SELECT count(*) FROM card",
        "SELECT id FROM pool WHERE (id, code) IN (SELECT id, code FROM pool) AND (id) IN (?, ?)",
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
    ],
)
def test_what_keeps_the_rules_passes(statement):
    assert judge(statement) == []


def test_statements_of_command_lines_are_heard(shop, statement_recorder):
    shop.run("product add HEARD --name 听见 --price 28")

    assert any("product" in statement.lower() for statement in statement_recorder.seen)


def test_tampering_is_not_judged(shop, statement_recorder):
    shop.execute("DELETE FROM journal_line")

    assert statement_recorder.problems == []
