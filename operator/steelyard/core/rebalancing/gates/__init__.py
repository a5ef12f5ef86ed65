"""One refusal a file; the chain is the document."""
