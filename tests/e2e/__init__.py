"""The image, and `deploy/` as shipped, on a real node: `make e2e`. `make test` leaves it out."""
