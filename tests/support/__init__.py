"""What the tests stand on: a real Postgres, copies of a template store, whole command lines.

Nothing here knows what a command does; fixtures live in `tests/conftest.py`.
"""
