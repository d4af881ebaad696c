-- When the owner confirmed the account's address by which bills go; null while it is the one that was bought with.
ALTER TABLE billing_customer ADD COLUMN email_at timestamptz;
