"""Render other people's texts as HTML that runs no script and loads nothing."""
