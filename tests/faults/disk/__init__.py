"""F15: the disk under etcd is full."""
