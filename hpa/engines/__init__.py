"""Where the processes of a shared run (`workers=join`) are started: `engine=`. Each gets settings, never pixels."""
