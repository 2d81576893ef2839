"""Order files, one module a format, each with a `FORMAT`; found by the header of the file.

A format only says how a row of its table becomes a record of one line. Grouping rows to orders,
checking them against the catalogue and placing them is the same for all (`intake`).
"""
