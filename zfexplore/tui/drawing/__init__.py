"""Pictures made of characters and of pixels."""
