"""Referrals from the request to the closed loop. Pure."""
