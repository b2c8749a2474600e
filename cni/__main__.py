"""Entry point of ``python3 -m cni`` and of the zipapp."""

import sys

from cni.main import main

if __name__ == "__main__":
    sys.exit(main())
