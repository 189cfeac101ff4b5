"""What is wrong with images, and how suspicious that makes them."""
