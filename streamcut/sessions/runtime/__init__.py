"""Where and how ONNX Runtime runs a model."""
