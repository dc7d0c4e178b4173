"""Aftercare over HTTP: the JSON API of follow-ups; reads through views, writes nothing but its audit row."""
