-- The trace (W3C) of the story that the letter belongs to.
alter table letters add column traceparent text;
