"""Cards for many recipients at once, from one table (批量发放).

A plan is checked whole and kept under a name (`plan`); running it makes an order of its channel of
every recipient, so that all that is true of orders is true here: each gets exactly its cards, once,
whatever is killed on the way (`run`). Nothing is remembered beside the orders and their deliveries:
how far a plan is, is read from them (`progress`, `report`).
"""
