"""The only terminal: what is read from a command line and what a person sees.

`main.py` holds the table of nouns and the one `except`; `verbs.py` turns a function into a verb
with the options that every verb has; `context.py` is what a verb gets; `output.py` shows results;
`commands/<noun>.py` holds the verbs of a noun, which parse, call and show; `order.py` puts those of
an order together from several files.

Invariants: stdout is data and stderr is talk; help, version and completion of nouns import no
command module; no English word of Typer's reaches the user, since `help.py` and `usage.py` say
everything in words of the catalogue. Nothing here decides anything about cards, orders or money.
"""
