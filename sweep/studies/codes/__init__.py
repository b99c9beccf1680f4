"""What hidden units say of each sample."""
