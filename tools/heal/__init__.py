"""Brings databases and topics in line again after either was lost, made anew or restored older (contract 5.8)."""
