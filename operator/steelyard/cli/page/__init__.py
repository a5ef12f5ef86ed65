"""Views as one HTML file: no script, nothing from elsewhere, and everything that the cluster says as text."""
