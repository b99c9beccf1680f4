"""What results are: tables in numbered parts, with a journal before them."""
