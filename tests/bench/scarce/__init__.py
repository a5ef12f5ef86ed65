"""Parts of the benchmark `fleet`: many workloads on pools of which the cheap ones are scarce."""
