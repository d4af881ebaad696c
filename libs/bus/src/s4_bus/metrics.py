"""What the bus tells about itself."""

from prometheus_client import Counter, Gauge, Histogram

CONNECTED = Gauge("s4_bus_connected", "Whether this part is connected to the broker.", ["service", "part"])
OUTBOX_PENDING = Gauge("s4_outbox_pending", "Events that wait to be published.", ["service"])
OUTBOX_AGE = Gauge("s4_outbox_oldest_seconds", "For how long the oldest of them has waited.", ["service"])
PUBLISHED = Counter("s4_bus_published_total", "Events that the broker has confirmed.", ["service", "type"])
UNROUTABLE = Counter("s4_bus_unroutable_total", "Events published while nobody listened.", ["service", "type"])
REFUSED = Counter("s4_bus_refused_total", "Publications that the broker did not take; they are repeated.", ["service"])
CONSUMED = Counter(
    "s4_bus_consumed_total",
    "Deliveries by outcome: handled, duplicate, retried, parked.",
    ["service", "type", "outcome"],
)
HANDLER_SECONDS = Histogram("s4_bus_handler_seconds", "Time in a handler, commit not included.", ["service", "type"])
RETRIED = Counter("s4_bus_retried_total", "Deliveries put off to a later attempt, by reason.", ["service", "code"])
PARKED = Counter("s4_bus_parked_total", "Deliveries put aside for a person, by reason.", ["service", "code"])
PRUNED = Counter("s4_pruned_total", "Rows whose time was over, by table: inbox, outbox.", ["service", "what"])
QUEUED = Gauge(
    "s4_bus_queue_messages", "Messages that wait in the queue and in the parked queue.", ["service", "queue"]
)
QUEUE_AGE = Gauge(
    "s4_bus_queue_oldest_seconds",
    "At most so long has the oldest message of the queue waited; 0 when none does.",
    ["service", "queue"],
)
# From the usual milliseconds to the twenty minutes that all attempts take, and to what an outage leaves.
EVENT_AGE = Histogram(
    "s4_bus_event_age_seconds",
    "From an event's emission to the end of its handling, attempts before included.",
    ["service", "type"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1200, 3600),
)
