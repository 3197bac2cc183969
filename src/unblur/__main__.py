"""``python -m unblur``: the command line, for where the script is not on the path."""

from unblur.cli import main

if __name__ == "__main__":
    main()
