"""The promise, measured: what readers find in mounted files, and how late the kubelet shows it."""
