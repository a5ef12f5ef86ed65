"""One pass over one object: gather, think, write down, act, tell."""
