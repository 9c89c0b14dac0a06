"""What `tocsin run` costs, beside the wrappers that everybody uses."""

from __future__ import annotations

ABOUT = "What `tocsin run` costs, beside env, timeout and flock."
PACKAGES = ()
FILES = {"start": "start", "hand-over": "verbs", "pool": "pool"}
