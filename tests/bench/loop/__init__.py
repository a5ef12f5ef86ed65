"""A world of pools, start-ups and noisy load in which a sizing policy is run, and the least that any policy could have paid there."""
