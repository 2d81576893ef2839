"""The ways out of the house, one module each with a `CHANNEL` (see `deliveries/channel.py`)."""
