"""The commands, one file each. They read options, call what does the work, and show the result; nothing is decided here."""
