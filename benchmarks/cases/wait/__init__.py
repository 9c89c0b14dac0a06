"""What waiting for one of many costs."""

from __future__ import annotations

ABOUT = "What tocsin.WaitSet and tocsin.wait_any cost, beside an epoll on pipes."
PACKAGES = ()
FILES = {"one by one": "turns", "alone": "turns"}
