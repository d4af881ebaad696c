"""Finding what nobody told us, in three looks: every few minutes, every hour, every night.

All three repair by ``Sync.account``, which webhooks use too, so repair cannot differ from normal work. The nightly look
changes nothing unless it is asked to.
"""
