"""From a folder of images to batches: checked, split, decoded, transformed."""
