"""What is stored: tables, keys, checks and indexes, a file per noun; no behaviour.

Read together these files are the data dictionary. Rules that every table follows, held by a lint
in the suite: `bucket` leads every primary, unique and foreign key of a growing table; ids are made
in the program; money is BIGINT fen, time BIGINT epoch ms UTC, a rate integer basis points; there
is no float, no trigger, no sequence, and every constraint has a name.
"""
