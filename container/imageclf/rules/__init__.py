"""The machinery that all rules share: engine, findings, statuses, actions, the live process."""
