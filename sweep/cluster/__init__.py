"""Running packs, in this process or on a Ray cluster: the only package that imports Ray."""
