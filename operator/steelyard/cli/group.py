"""The API group as this command asks for it. Not from steelyard.api: building its models takes longer than the whole answer."""

API_VERSION = "steelyard.dev/v1alpha1"
"""A test compares it with the API's own."""
