"""What all compiled code shares: decorator and cache, blocks, UTF-8, random numbers."""
