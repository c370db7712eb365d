"""What differs between kinds: fields, defaults, rules, columns."""
