"""How each parameter is written in a sweep file."""
