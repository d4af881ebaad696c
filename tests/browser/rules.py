"""What axe is asked: everything (WCAG 2.2, levels A and AA, and its own good practice), or looks alone."""

# Everything but what a person must judge; target-size is WCAG 2.2's and is not on by itself.
ALL = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
# What depends on colours and widths, where the same document was looked at in full a moment ago.
LOOKS = {
    "resultTypes": ["violations"],
    "runOnly": {
        "type": "rule",
        "values": ["color-contrast", "link-in-text-block", "scrollable-region-focusable", "target-size"],
    },
}
