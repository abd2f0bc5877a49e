"""Programs: what a recording becomes, from capture to the machine that replays it."""
