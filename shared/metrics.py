"""Every metric of the project; label values are the project's own names, never anything from a message."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

RECORDS = Counter("stepdown_records_total", "Kafka records handled, by what came of them", ["consumer", "outcome"])
BATCH_SECONDS = Histogram(
    "stepdown_batch_seconds", "Time to handle one batch, transaction included", ["consumer"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)  # fmt: skip
LAG = Gauge("stepdown_lag_records", "Records between a consumer's position and the end of its topic", ["consumer"])
WAITS = Counter("stepdown_waits_total", "Times a consumer had to wait for something that was away", ["consumer"])
PARKED = Gauge("stepdown_parked_facts", "Facts that wait for the one before them", ["consumer"])
OVERDUE = Gauge("stepdown_parked_overdue", "Of these, how many have waited longer than the site allows", ["consumer"])
RELAYED = Counter("stepdown_relayed_total", "Records that the relay has put on Kafka")
OUTBOX = Gauge("stepdown_outbox_records", "Records that the relay found in the outbox on its last pass")
MESSAGES = Counter("stepdown_messages_total", "Messages from hospitals, by door and answer", ["door", "answer"])
ANSWER_SECONDS = Histogram(
    "stepdown_answer_seconds", "From the whole message read to its answer written", ["door"],
    buckets=(0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5),
)  # fmt: skip
CONNECTIONS = Gauge("stepdown_mllp_connections", "Open MLLP connections")
CLOSED = Counter("stepdown_mllp_closed_total", "MLLP connections that we closed or turned away, by why", ["why"])
HTTP_CONNECTIONS = Gauge("stepdown_http_connections", "Open HTTP connections")
HTTP_CLOSED = Counter("stepdown_http_closed_total", "HTTP connections that we closed or turned away, by why", ["why"])
RETENTION = Counter("stepdown_retention_total", "What was deleted because its days were over, by kind", ["kind"])
TIMER_RUNS = Counter("stepdown_timer_runs_total", "Runs of each timer, by outcome", ["timer", "outcome"])
