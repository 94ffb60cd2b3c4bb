"""What computes logits: torch or onnxruntime, behind one seam (`base.Engine`)."""
