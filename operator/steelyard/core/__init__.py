"""Pure: facts in, decisions out. No I/O, no clock, no Kubernetes; time and chance are arguments."""
