"""Tables in files: reading what others made, writing what people and programs open.

What a supplier sends is hostile until shown otherwise. Every byte of it is parsed in a child
process (`child.py`) that has a memory limit, a CPU limit and a clean environment; the file and its
password reach the child through a pipe, and rows come back through another. Nothing is written to
a temporary file, and no password stands in an argument list. A file is told by its content, never
by its name. Nothing here knows what a card or an order is.
"""
