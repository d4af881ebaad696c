-- Ids in the inbox are forgotten after a time (s4_store.inbox.KEPT). Rows lie in the order in which they were written:
-- a few kilobytes tell where the old ones are, whatever the table's size.
create index inbox_age on inbox using brin (handled_at);
