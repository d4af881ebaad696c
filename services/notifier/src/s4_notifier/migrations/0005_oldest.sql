-- For the age of the oldest letter that is owed.
create index letters_owed on letters (issued_at) where state = 'owed';
