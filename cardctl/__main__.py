"""`python -m cardctl` is `cardctl`."""

from cardctl.cli.main import main

if __name__ == "__main__":
    main()
