"""`/v2*`: the Open Inference Protocol, tensors as JSON."""
