"""The tables that sweeps leave behind: one schema, one writer, many readers."""
