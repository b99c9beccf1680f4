"""Hands the trials of a sweep to other programs: xarray, TensorBoard, MLflow, tables of text."""
