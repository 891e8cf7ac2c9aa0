"""What the API answers, as models: answers are made of them, and the description of the API too."""
