"""What every dock stands on: pages, questions, workers, memory."""
