-- The trace (W3C) of the request that began the signup: what is paid for later belongs to it.
ALTER TABLE signups ADD COLUMN traceparent text;
