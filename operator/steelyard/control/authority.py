"""An address and a port in one text, as URLs and gRPC have them (RFC 3986, section 3.2)."""


def authority(address: str, port: int) -> str:
    """IPv6 addresses stand in brackets, whose colons are not the port's."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
