"""cardctl: the command-line operations toolkit for card-key merchants."""

__version__ = "0.1.0"
