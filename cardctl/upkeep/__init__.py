"""What keeps the house in order: making a store, checking it, saying what needs a person.

It sits above every package of the trade and below the terminal, and changes nothing of the trade
by itself: a check looks and tells, and a check that could not look tells that.
"""
