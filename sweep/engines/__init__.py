"""What trains lanes: the contract, the state, and the engines that fulfil it."""
