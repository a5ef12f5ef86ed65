"""What Steelyard's own server does with a model: one module a task, and one table of them."""
