"""Every metric of the project; label values are the project's own names or those of site config, never anything from a
message."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram, Info

RECORDS = Counter("stepdown_records_total", "Kafka records handled, by what came of them", ["consumer", "outcome"])
BATCH_SECONDS = Histogram(
    "stepdown_batch_seconds", "Time to handle one batch, transaction included", ["consumer"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)  # fmt: skip
LAG = Gauge("stepdown_lag_records", "Records between a consumer's position and the end of its topic", ["consumer"])
WAITS = Counter("stepdown_waits_total", "Times a consumer had to wait for something that was away", ["consumer"])
PARKED = Gauge("stepdown_parked_facts", "Facts that wait for the one before them", ["consumer"])
OVERDUE = Gauge("stepdown_parked_overdue", "Parked facts that have waited longer than the site allows", ["consumer"])
RELAYED = Counter("stepdown_relayed_total", "Records that the relay has put on Kafka")
OUTBOX = Gauge("stepdown_outbox_records", "Records that the relay found in the outbox on its last pass")
WAITING_OUTBOX = Gauge(
    "stepdown_outbox_waiting",
    "Records in the outbox, by a look into the database: also where no relay works",
    ["service"],
)
MESSAGES = Counter("stepdown_messages_total", "Messages from hospitals, by door and answer", ["door", "answer"])
ANSWER_SECONDS = Histogram(
    "stepdown_answer_seconds", "From the whole message read to its answer written", ["door"],
    buckets=(0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5),
)  # fmt: skip
CONNECTIONS = Gauge("stepdown_mllp_connections", "Open MLLP connections")
CLOSED = Counter("stepdown_mllp_closed_total", "MLLP connections that we closed or turned away, by why", ["why"])
FRAMES_CUT = Counter("stepdown_mllp_frames_cut_total", "MLLP frames that began and whose end never came")
HTTP_REQUESTS = Counter(
    "stepdown_http_requests_total", "HTTP requests, by the template of their route, method and class of status",
    ["service", "route", "method", "status"],
)  # fmt: skip
HTTP_SECONDS = Histogram(
    "stepdown_http_request_seconds", "From a request's header read to its answer written", ["service", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)  # fmt: skip
HTTP_IN_FLIGHT = Gauge("stepdown_http_in_flight", "HTTP requests that are being answered", ["service"])
HTTP_CONNECTIONS = Gauge("stepdown_http_connections", "Open HTTP connections")
HTTP_CLOSED = Counter("stepdown_http_closed_total", "HTTP connections that we closed or turned away, by why", ["why"])
LIVE_PAGES = Gauge("stepdown_live_pages", "Open pages that are told when something changes (GET /live)", ["service"])
LIVE_EVENTS = Counter("stepdown_live_events_total", "Events that open pages were told, by kind", ["service", "event"])
RETENTION = Counter("stepdown_retention_total", "What was deleted because its days were over, by kind", ["kind"])
TIMER_RUNS = Counter("stepdown_timer_runs_total", "Runs of each timer, by outcome", ["timer", "outcome"])
BUILD = Info("stepdown_build", "The release that this process runs", ["service"])
SITE = Info("stepdown_site", "The version of the site config that this process works by", ["service"])
POOL_SIZE = Gauge("stepdown_database_pool_size", "Database connections that may be open at most", ["service"])
POOL_IN_USE = Gauge("stepdown_database_pool_in_use", "Database connections that are at work", ["service"])
POOL_WAITING = Gauge("stepdown_database_pool_waiting", "Pieces of work that wait for a connection", ["service"])
CLOCK_APART = Gauge(
    "stepdown_clock_apart_seconds", "How far this machine's clock is ahead of the database's (below 0: behind)",
    ["service"],
)  # fmt: skip
READY = Gauge("stepdown_ready", "1 where the service was ready at the last look, 0 where it was not", ["service"])
DEAD_LETTERS = Gauge("stepdown_dead_letters", "Dead letters that nobody has settled", ["consumer"])
DESK_OPEN = Gauge("stepdown_desk_open", "Entries of the desk's lists that wait for somebody, by kind", ["kind"])
DESK_OVERDUE = Gauge(
    "stepdown_desk_overdue", "Entries that wait and are past the time that they have, by kind", ["kind"]
)
DESK_OLDEST = Gauge(
    "stepdown_desk_oldest_seconds", "How long the oldest entry has waited, by kind; 0: none waits", ["kind"]
)
SEATS_OPEN = Gauge("stepdown_seats_open", "Seats of the site's programs that nobody has now", ["level"])
SEATS_HELD = Gauge("stepdown_seats_held", "Seats that somebody has now, by a claim or by being there", ["level"])
SEATS_OVER = Gauge("stepdown_seats_over", "Seats that are held beyond the programs' capacity", ["level"])
NUMBERS_SHARED = Gauge(
    "stepdown_visit_numbers_shared", "Visit numbers that two patients of a facility have, not decided", ["facility"]
)
MATCHES_OPEN = Gauge("stepdown_matches_open", "Pairs of patients who may be one person, not decided")
FEED_SILENT = Gauge(
    "stepdown_feed_silent",
    "1 where a facility that sends has sent nothing for longer than the site's hours, else 0",
    ["facility"],
)
VISITS_HANGING = Gauge(
    "stepdown_visits_hanging", "Open visits of which nothing was heard for longer than the site's days", ["facility"]
)
FEED_AGE = Gauge("stepdown_feed_age_seconds", "Since the last message of a facility came", ["facility"])
