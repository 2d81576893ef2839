"""The statements that differ between the two databases say the same thing in both."""

import pytest
from sqlalchemy import select, text

from cardctl.identifiers import new_ids
from cardctl.schema.cards import cards
from cardctl.schema.orders import order_lines
from cardctl.storage.dialects import insert_many, make_engine, update_many
from cardctl.storage.migrate import migrate
from cardctl.storage.store import parse_store_url, writing

ODD_TEXTS = [
    "",
    " ",
    "'; DROP TABLE card; --",
    '"quoted" \\ back\\slash \\N \\.',
    "tab\tnew\nline\r\n",
    "永久\U0001f381 \u202ebidi\u200b",
    "=cmd|' /C calc'!A0",
    "x" * 40_000,
]


@pytest.fixture
def engine(database_url):
    """An engine on a store that has its tables and nothing in them but what a migration puts in."""
    engine = make_engine(parse_store_url(database_url))
    migrate(engine, name="test")
    yield engine
    engine.dispose()


@pytest.fixture
def session(engine):
    """A writing session in which rows need not refer to anything."""
    with writing(engine, dry_run=True) as session:
        if engine.dialect.name == "sqlite":
            session.connection().exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        else:
            session.connection().exec_driver_sql("SET LOCAL session_replication_role = replica")
        yield session


COLUMNS = (
    "bucket", "id", "fingerprint", "seat", "batch_id", "product_id", "pool_id", "status",
    "sealed_secret", "masked", "note", "cost_fen", "expires_at", "status_at",
)  # fmt: skip


def _card(place, identity, note):
    secret = bytes(range(256)) if place % 2 else b""
    return (
        *(place % 1024, identity, identity.to_bytes(16), 0, 1, 1, 1, "available"),
        *(secret, note or "", note, None if place % 3 else 0, 2**63 - 1, 0),
    )


def test_insert_many_keeps_every_value_as_it_was(session):
    notes = [*ODD_TEXTS, None]
    rows = [
        _card(place, identity, note)
        for place, (identity, note) in enumerate(zip(new_ids(len(notes)), notes, strict=True))
    ]

    insert_many(session, cards, COLUMNS, iter(rows))

    found = session.execute(select(*(cards.c[name] for name in COLUMNS)).order_by(cards.c.id))
    assert [tuple(row) for row in found] == rows


def test_insert_many_takes_no_rows(session):
    insert_many(session, cards, COLUMNS, [])

    assert session.execute(select(cards.c.id)).all() == []


def test_update_many_changes_each_row_by_its_key_and_counts(session):
    notes = [*ODD_TEXTS, None]
    identities = new_ids(len(notes))
    insert_many(session, cards, COLUMNS, [_card(0, identity, "before") for identity in identities])

    changed = update_many(
        session,
        cards,
        key=("bucket", "id"),
        changed=("note", "cost_fen"),
        rows=[
            (note, place, 0, identity)
            for place, (note, identity) in enumerate(zip(notes, identities, strict=True))
        ],
        constants={"status": "void", "status_at": 7},
    )

    found = session.execute(
        select(cards.c.note, cards.c.cost_fen, cards.c.status, cards.c.status_at).order_by(
            cards.c.id
        )
    )
    assert changed == len(notes)
    assert [tuple(row) for row in found] == [
        (note, place, "void", 7) for place, note in enumerate(notes)
    ]


def test_update_many_passes_over_what_the_guard_excludes_and_what_is_not_there(session):
    first, second, missing = new_ids(3)
    insert_many(session, cards, COLUMNS, [_card(0, first, "a"), _card(0, second, "b")])
    session.connection().execute(
        text("UPDATE card SET status = 'void' WHERE id = :id"), {"id": second}
    )

    changed = update_many(
        session,
        cards,
        key=("bucket", "id"),
        changed=("note",),
        rows=[("changed", 0, identity) for identity in (first, second, missing)],
        guard="status = 'available'",
    )

    notes = session.execute(select(cards.c.note).order_by(cards.c.id)).scalars().all()
    assert changed == 1
    assert notes == ["changed", "b"]


def test_update_many_counts_beyond_one_chunk(session):
    identities = new_ids(20_050)
    insert_many(session, cards, COLUMNS, (_card(0, identity, "") for identity in identities))

    changed = update_many(
        session,
        cards,
        key=("bucket", "id"),
        changed=("cost_fen",),
        rows=((5, 0, identity) for identity in identities),
    )

    total = session.connection().execute(text("SELECT sum(cost_fen) FROM card"))
    assert changed == len(identities)
    assert total.scalar_one() == 5 * len(identities)


def test_update_many_is_held_by_a_check(session):
    [identity] = new_ids(1)
    columns = ("bucket", "id", "order_id", "position", "product_id", "qty", "paid_fen")
    insert_many(session, order_lines, (*columns, "issued_qty"), [(0, identity, 1, 0, 1, 2, 100, 0)])

    with pytest.raises(Exception, match="issued_within"):
        update_many(
            session,
            order_lines,
            key=("bucket", "id"),
            changed=("issued_qty",),
            rows=[(3, 0, identity)],
        )
