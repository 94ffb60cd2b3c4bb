"""The rules: each looks at the saved tensors step by step and says what it found."""
