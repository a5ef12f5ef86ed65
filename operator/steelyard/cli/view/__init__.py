"""What a command shows, as plain values: raw objects and now in, a view out. No printing, no cluster, no decisions."""
