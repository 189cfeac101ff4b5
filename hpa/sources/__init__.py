"""Data sets on disk: whatever the layout, an image table and images come out."""
