"""How things are stored: engine, transactions, the two dialects, migrations.

`dialects.py` is the only place that asks whether the store is SQLite or Postgres. Nothing here
knows what a card or an order is. No correctness rests on a trigger, on SERIALIZABLE or on an
advisory lock: constraints, conditional updates and affected-row counts carry it.
"""
