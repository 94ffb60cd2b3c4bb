"""Networks: architecture, head, which layers learn, pretrained weights."""
