"""`make demo`: the operator, a stand-in of Redox and four credentials, live in a terminal."""
