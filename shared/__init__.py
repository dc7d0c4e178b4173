"""Technique that every service needs, and the language they publish; names no service."""
