"""The coordinators' desk: what they see and do over HTTP."""
