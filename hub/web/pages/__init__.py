"""The HTML pages, and the feeds, images and text files beside them."""
