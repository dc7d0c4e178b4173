"""Aftercare over HTTP: its JSON API; reads through views, writes through handlers, tells the audit of both."""
