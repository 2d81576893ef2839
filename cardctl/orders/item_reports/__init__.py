"""Item reports, one module each, with `ITEMS`: what the orders of a list are made of.

A platform whose order list does not say it exports a second file; see `orders.items`.
"""
