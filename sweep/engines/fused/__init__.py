"""The fused engine: every epoch of every lane inside one compiled kernel, lanes in SIMD."""
