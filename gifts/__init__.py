"""What can be sent to a creator and what sending means, on the coin plane."""
