"""Model servers side by side, for the benchmark `serving`: one artifact, one engine, one client."""
