"""Status, written and read: one place that knows its fields. The operator remembers by it, and commands show it."""
