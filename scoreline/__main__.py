"""`python -m scoreline` is `scoreline`."""

import sys

from scoreline.cli import main

sys.exit(main())
