"""What `bench.peers` is made of: cases, policies that answer them, and a checker that trusts none of the policies."""
