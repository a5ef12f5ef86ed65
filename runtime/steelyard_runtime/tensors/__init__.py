"""Any ONNX graph: what it takes and gives, samples of it, and how near an engine comes to the reference."""
