"""What is sold and with whom: products, suppliers, money accounts, channels and pools.

Everything here is known by its code. Adding the very same thing again changes nothing, adding a
different thing under a taken code is refused, and every change is audited with the fields it set.
Nothing is ever removed: cards, orders and entries of the books refer to it.
"""
