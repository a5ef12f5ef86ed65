"""What is known: the snapshot that a decision is made of, the memory that status holds, and the values that they are made of."""
