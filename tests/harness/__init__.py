"""What the tests share: children that are always reaped, callers of every kind, and proof that somebody sleeps."""
