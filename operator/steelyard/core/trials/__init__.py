"""A trial that a person asked for: what each pool is sent, what that costs at most, what was found, and how it ends."""
