"""`make demo`: the whole loop on a real cluster, told as it goes, and judged by a checker that shares nothing with Steelyard."""
