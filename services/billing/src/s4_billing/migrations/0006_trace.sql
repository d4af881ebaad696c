-- The trace (W3C) of the request that asked for the checkout: its payment belongs to it.
alter table checkout add column traceparent text;
