"""Networks: a batch in, an output of `hpa.interfaces` out."""
