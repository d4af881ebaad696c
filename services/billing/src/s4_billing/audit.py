"""What people did, and why, by account."""

from s4_store.audit import Audit

_AUDIT = Audit(about="account_id")
note, latest = _AUDIT.note, _AUDIT.latest
