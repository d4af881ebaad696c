"""What the post tells about itself."""

from prometheus_client import Counter, Gauge, Histogram

LETTERS = Counter(
    "notifier_letters_total", "Letters by what became of them: sent, bounced, withdrawn.", ["kind", "outcome"]
)
POSTPONED = Counter("notifier_letters_postponed_total", "Attempts that failed and will be repeated.", ["code"])
# From the usual second to what greylisting takes.
LETTER_SECONDS = Histogram(
    "notifier_letter_seconds",
    "From when a letter was owed until a mail server had it.",
    buckets=(0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 900, 3600, 14400),
)
OLDEST = Gauge("notifier_oldest_owed_seconds", "For how long the oldest letter has been due; 0 when none is.")
