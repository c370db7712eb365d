"""`meta.k8s.io/v1` Tables: what kubectl prints."""
