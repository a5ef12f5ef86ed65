"""An hour of a recorded load, played live: the world, the policies, and who judges them."""
