"""Does pretraining help deep autoencoders?"""
