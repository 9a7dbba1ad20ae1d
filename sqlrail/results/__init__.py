"""The JSON of every verb, as types. They are for type checkers and for the schemas: no run loads them."""
