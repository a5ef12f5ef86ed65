"""What vLLM is used for, by the model hub's words for tasks. The runtime holds a task against the same list (generate/task.py)."""

TEXT = "text-generation"
"""Where nothing is said."""
VLLM_TASKS = (TEXT, "feature-extraction", "sentence-similarity", "text-classification", "text-ranking")
