"""From the parameters of a sweep file to grids of values that combine."""
