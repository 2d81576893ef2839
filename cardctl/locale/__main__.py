"""`python -m cardctl.locale [--check]`: collect the texts and build the Chinese catalogue."""

import sys
from pathlib import Path

from cardctl.locale.catalogue import FOLDER, MO, PO, as_mo, as_po, build, faults, read_translations
from cardctl.locale.collect import collect


def main(arguments: list[str]) -> int:
    """Write both files, or with --check only look; returns the exit status."""
    found = collect(Path(__file__).parent.parent)
    translations = read_translations()
    catalogue = build(found, translations)
    told = faults(found, translations)
    if "--check" in arguments:
        if not MO.exists() or PO.read_bytes() != as_po(catalogue):
            told.append("the catalogue is not that of the sources: make locale")
    else:
        FOLDER.mkdir(parents=True, exist_ok=True)
        PO.write_bytes(as_po(catalogue))
        MO.write_bytes(as_mo(catalogue))
    sys.stdout.write("".join(f"{fault}\n" for fault in told))
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
