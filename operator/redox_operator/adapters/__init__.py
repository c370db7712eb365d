"""What talks to the world: each module one library, unaware of the others."""
