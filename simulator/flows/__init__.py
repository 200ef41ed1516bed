"""What flows: the air and the activity of a city, and what its stations measure of them at every tick."""
