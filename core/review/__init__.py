"""What a person who reviews a ranking wants to know of it: arrays in, numbers out."""
