"""The one error of this package: its text says what to do."""


class ClusterError(Exception):
    """Something that the reader of the message can act on."""
