"""The networks: ZFNet, trunks of named stages, and checkpoints."""
