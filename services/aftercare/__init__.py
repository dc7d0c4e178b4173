"""The service that watches what comes after a discharge: follow-up windows, aftercare plans, referrals and relapse
risks."""
