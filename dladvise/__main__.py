"""`python -m dladvise`."""

import sys

from dladvise.cli import main

sys.exit(main())
