"""The composition root: wires control, observe and core, and starts them."""
