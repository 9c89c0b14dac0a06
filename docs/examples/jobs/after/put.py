"""Hand each file that is named to a worker."""

from __future__ import annotations

import sys

from tocsin import Queue

Queue("jobs").put_many([{"file": name} for name in sys.argv[1:]])
