"""The continuum of care as a state machine: the facts of an episode in, its state out (contract 3.6). Pure."""
