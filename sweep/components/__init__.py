"""What a network and its training are put together from, a file or folder each.

A component is a class that says everything about itself: its options, what it does in PyTorch and,
if it can, in the compiled kernel. The rest of sweep derives from that: the sweep file's words and
their checks, columns, documentation, warnings, dispatch. One of your own is declared in the same
way (docs/plugins.md).

Declarations are plain Python: planning a sweep imports neither PyTorch nor Numba. What needs one of
them imports it in the method that uses it.
"""
