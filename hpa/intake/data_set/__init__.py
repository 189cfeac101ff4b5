"""`hpa eda`: what a data set holds, before anything is trained on it."""
