"""A module a sheet, each with its `SHEET`; their order stands in `cardctl.setup.nouns`."""
