"""A file per noun; each is imported only when its noun stands on the command line."""
