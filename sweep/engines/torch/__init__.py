"""The torch engine: lanes as the leading axis of batched tensors."""
