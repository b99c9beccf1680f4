"""Schedulers: which trials go on from a rung, decided by values alone and never by timing."""
