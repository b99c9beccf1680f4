"""How a sweep file says each parameter."""
