"""The process in which the benchmark `decision_cost` measures one size of fleet."""
