"""The errors of this package: their text says what to do."""


class ClusterError(Exception):
    """Something that the reader of the message can act on."""


class LackingError(ClusterError):
    """This machine lacks something that nothing here may install."""
