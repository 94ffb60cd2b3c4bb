"""Reads the tensors that a training saved, whoever wrote them."""
