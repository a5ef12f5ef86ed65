"""What an API server makes of a merge patch."""


def merged(old: object, patch: object) -> object:
    """As an API server merges (RFC 7386)."""
    if not isinstance(patch, dict):
        return patch
    kept = dict(old) if isinstance(old, dict) else {}
    kept |= {key: merged(kept.get(key), value) for key, value in patch.items()}
    return {key: value for key, value in kept.items() if value is not None}
