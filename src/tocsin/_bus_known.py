"""The rules of names, remembered: a program has few names, and emits them again and again.

Apart from the rules because a command asks once, and `functools` alone would double its start.
"""

from __future__ import annotations

from functools import lru_cache

from tocsin import _bus_names

check_name = lru_cache(maxsize=1024)(_bus_names.check_name)
is_name = lru_cache(maxsize=1024)(_bus_names.is_name)
check_pattern = lru_cache(maxsize=1024)(_bus_names.check_pattern)
matches = lru_cache(maxsize=4096)(_bus_names.matches)
