"""Gates, moves and verdicts: whether and how to go to a cheaper mix."""
