"""Other ways to train the same networks, each as well written as we could."""
