"""The books: double entry in fen, posted in the transaction of the event.

What is posted for which event stands in one table (`postings`). Every entry sums to zero, entries
are never changed or deleted, and a correction is a new entry. Debit is positive. A cost that is
not known posts nothing: it is not 0, and the stock it belongs to shows as "cost missing".
"""
