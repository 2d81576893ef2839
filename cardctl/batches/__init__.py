"""Batches: what a supplier sends becomes cards, or nothing does.

An import is one transaction. Rows are read, checked, fingerprinted and sealed into a temporary
table first, without holding the store's write lock; what is written after that is one set-based
statement a table. A row that is refused refuses the file, unless its rejects were asked to be left
out. Cards of a batch that never left can be taken back with their fingerprints; what has left is
recalled, and corrected by new entries.

A file may hold several products: `by_product.py` sorts its rows, `heading.py` reads its header for
each kind, `intake.py` stages what they bring, and `booking.py` makes a batch of each product, all
of them or none. Of keys that were sold before they came only fingerprints and masks are kept.

`checks.py` is pure: it decides about a row and reads nothing else.
"""
