"""Networks from elsewhere: looked at, converted to ONNX once, and put on the user's model store."""
