"""The report as one page for a browser, that opens from disk and asks for nothing."""
