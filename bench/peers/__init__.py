"""The servers that serving is measured against, each as its users would write it."""
