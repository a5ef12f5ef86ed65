"""Back ends whose hardware is not here, against stand-ins that keep the documented contract: what the real one refuses, they refuse."""
