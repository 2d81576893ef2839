"""Batches: what a supplier sends becomes cards, or nothing does.

An import is one transaction. Rows are read, checked, fingerprinted and sealed into a temporary
table first, without holding the store's write lock; what is written after that is one set-based
statement a table. A row that is refused refuses the file, unless its rejects were asked to be left
out. Cards of a batch that never left can be taken back with their fingerprints; what has left is
recalled, and corrected by new entries.

`checks.py` is pure: it decides about a row and reads nothing else.
"""
