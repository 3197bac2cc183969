"""The networks that ship with the package: ONNX files, each with a model card beside it."""
