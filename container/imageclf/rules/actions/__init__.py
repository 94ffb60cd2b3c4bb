"""What is done when a rule finds something: stop, notify, emit."""
