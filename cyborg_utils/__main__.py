"""`python -m cyborg_utils` is the command `cyborg`."""

import sys

from cyborg_utils.cli import main

if __name__ == "__main__":
    sys.exit(main())
