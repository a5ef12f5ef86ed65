"""Models that generate text, by vLLM: prepared once, verified on every load, started with the right words, judged by the server's own clock."""
