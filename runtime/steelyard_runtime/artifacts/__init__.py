"""Compiled models: bytes named by their content, a manifest that is published last, digests verified on every load."""
