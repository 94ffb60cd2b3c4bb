"""Sees what goes wrong inside a training: hook, rules, actions, report."""
