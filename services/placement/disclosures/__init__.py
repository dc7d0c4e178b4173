"""The gate at work: reads care.events, keeps the ledger, writes out.<recipient>; its rules are in gate/."""
