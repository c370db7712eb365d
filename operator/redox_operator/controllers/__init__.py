"""What happens when: watch → workqueue → reconciler, each step in a module of its own."""
