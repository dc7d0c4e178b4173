"""The three services, and what stands around them: command line, stack, verify."""
