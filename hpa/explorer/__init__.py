"""The explorer of cells (`hpa explore`): a small web server of this machine, and what it computes of cells."""
