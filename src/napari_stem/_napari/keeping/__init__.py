"""What becomes files: exports, sessions, and what is asked before a result is discarded."""
