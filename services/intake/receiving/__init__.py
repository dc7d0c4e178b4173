"""The doors (MLLP, Kafka, HTTP), the group commit behind them, and the transaction that takes messages in."""
