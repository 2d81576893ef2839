"""The audit log: who did what, as a chain of records a command run.

A record's mac covers the record before it, its length and its canonical JSON, and it is written
in the transaction of the change it tells of: one is not there without the other. The first record
of a run links to the ends of the runs before it, so that a deleted run leaves a dangling link.
There is no shared head to queue for, and no path that updates or deletes a record.

Payloads hold codes, numbers and masks, never a secret.
"""
