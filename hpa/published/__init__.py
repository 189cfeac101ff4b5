"""Published files by name: what they are (`files.yaml`), and how they come here."""
