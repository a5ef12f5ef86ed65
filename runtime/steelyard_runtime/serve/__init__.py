"""The model server: OpenAI embeddings and Open Inference Protocol v2, batches by bucket, honest counters, a drain that loses nothing."""
