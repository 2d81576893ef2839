"""The Chinese catalogue, and how it is built and checked.

The English texts stand where they are used; `collect.py` reads them out of the sources, so a text
cannot be forgotten. `python -m cardctl.locale` (`make locale`) writes them into the .po file beside
the translations that are there, and compiles the .mo file; with --check it only says what is
missing. Both files are committed: a machine that runs cardctl needs neither Babel nor gettext's
tools.
"""
