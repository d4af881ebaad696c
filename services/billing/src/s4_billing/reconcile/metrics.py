"""What reconciliation says of itself. docs/operations/billing.md has the alerts."""

from prometheus_client import Counter, Gauge

FOUND = Counter("billing_drift_found_total", "What reconciliation found that nobody had told us.", ["kind"])
DRIFT = Gauge("billing_drift", "Differences between Stripe and us at the last nightly look. Above zero: look.")
COMPARED = Gauge("billing_compared_subscriptions", "How many subscriptions the last nightly look compared.")
