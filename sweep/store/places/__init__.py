"""Where results lie: files and objects, their names, and who may write them."""
