"""The GitHub API client. No other package sends requests to GitHub."""
