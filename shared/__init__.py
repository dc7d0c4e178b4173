"""Techniques that every service needs, and the published language; no code here names a service."""
