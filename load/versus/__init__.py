"""Our own side against what others have written: both do the same, in turn."""
