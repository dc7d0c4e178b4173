"""The coordinators' desk over HTTP: the JSON API and its page."""
