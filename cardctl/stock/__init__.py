"""Cards on hand: claiming them, writing them off, letting them expire, counting and proving them.

A card (a seat) is sold at most once: a claim is a conditional update on `status = 'available'`
whose row count is compared with what was intended. Nothing here updates a product row or keeps a
counter: levels are counted from the cards.
"""
