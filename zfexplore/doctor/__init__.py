"""What is here and what is wrong: versions, devices, the terminal, the cache, what comes along."""
