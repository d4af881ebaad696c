"""What a person does with a bucket: check it, count it, verify it, copy it."""
