"""Status as it stands, read leniently: what is absent or malformed is None, for an operator may be older or newer than its reader."""
