"""The Train dock, and the dialog to set up and watch a training run."""
