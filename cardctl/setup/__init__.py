"""The shop in one workbook: a sheet a noun, written as it is and read back as it is to be.

A workbook is checked whole, across its sheets, and taken whole or not at all; importing it again
changes nothing. An empty cell leaves what is stored alone, ``-`` clears it. Nothing is ever removed
because a row is missing. Secrets have no place here: passwords of files are set by their own verb.
"""
