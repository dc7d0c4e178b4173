"""From the fold to the bill: service periods, their warnings, and authorizations (contract 4). Pure."""
