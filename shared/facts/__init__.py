"""Facts between services: the CloudEvents envelope, order by sequence, and how a writer states and restates them."""
