"""What objects of the cluster say, read from raw JSON. Absent or malformed is None: the operator may be older or newer than this command."""
