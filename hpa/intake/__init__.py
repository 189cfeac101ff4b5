"""Files of microscopes become images of named channels."""
