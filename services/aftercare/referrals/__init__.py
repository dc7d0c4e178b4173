"""The loop of a referral. Pure."""
