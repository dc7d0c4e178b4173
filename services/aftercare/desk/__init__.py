"""Aftercare over HTTP: the JSON API and the follow-up desk's page. Every read and every write of patient data is
audited."""
