"""The model: the fast form of Allegro that training and deployment share."""
