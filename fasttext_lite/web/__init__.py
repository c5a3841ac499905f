"""What servers share: who is let in, how much is taken, errors as JSON, the loop that serves."""
