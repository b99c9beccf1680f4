"""What a notebook shows: results with their pictures, a bar while a sweep runs."""
