"""Compares what is on the platforms with what is on record, reports what does not fit, and puts right what it may."""
