"""The page of every channel, to hand on: its pictures, its data, and the template that shows them."""
