"""A trial on this machine, without a cluster: the runtime's own processes, and the core's own judgement of what they tell."""
