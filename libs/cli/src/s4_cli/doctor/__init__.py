"""What is wrong with an installation: looked for from outside, explained, with what to do."""
